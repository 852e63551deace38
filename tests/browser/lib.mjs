// What the tests of pages share. A test gets { page, base, logins, check, audit, mayFail, plain }; run.mjs runs each at
// every width. Its name says what it shows.

/** Every page: Japanese, titled, a strict CSP, nothing for axe to find, no scrolling sideways. */
export async function sound({ page, check, audit }, response) {
  check("answers 200", response?.status() === 200, response?.status());
  check("language is ja", (await page.getAttribute("html", "lang")) === "ja");
  check("has a title that names itaku", /itaku|委託/i.test(await page.title()), await page.title());
  const csp = response?.headers()["content-security-policy"] ?? "";
  check("has a CSP without unsafe-inline and unsafe-eval", csp !== "" && !/unsafe-(inline|eval)/.test(csp) && /frame-ancestors 'none'/.test(csp), csp);
  check("has nosniff", response?.headers()["x-content-type-options"] === "nosniff");
  check("one h1", (await page.locator("h1").count()) === 1);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check("does not scroll sideways", over <= 0, over);
  const found = await audit();
  check("axe finds nothing", found.length === 0, found);
}

/** Presses Tab until the focus is on a link whose address ends in `path`. */
export async function tabTo(page, path) {
  for (let n = 0; n < 40; n += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => document.activeElement?.getAttribute("href") ?? "");
    if (at.endsWith(path)) return true;
  }
  return false;
}

/** Fills the login form by the keyboard alone. */
export async function enter({ page }, email, password) {
  await page.focus("#f-email");
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  await page.keyboard.type(email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
}


/** Signs in as a role of the demonstration; `page` is another than the test's where two people are at work. */
export async function signIn(t, role, page = t.page) {
  const login = t.logins.find((one) => one.role === role);
  await page.goto(t.base + "/login");
  await page.fill("#f-email", login.email);
  await page.fill("#f-password", login.password);
  await Promise.all([page.waitForURL(t.base + "/home"), page.click("main button")]);
}

/** Presses a button by its words and waits for the page it leads to. */
export async function press(page, words) {
  await Promise.all([page.waitForNavigation(), page.getByRole("button", { name: words }).first().click()]);
}

/** Presses Tab until what has the focus is called so, by its words or its id. */
export async function reach(page, words) {
  for (let n = 0; n < 300; n += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => [document.activeElement?.innerText ?? "", document.activeElement?.id ?? ""]);
    if (at.some((text) => text.trim() === words)) return;
  }
  throw new Error(`the keyboard does not reach ${words}`);
}

/** Goes on to what is called so, presses Enter, and waits for the page it leads to. */
export async function follow(page, words) {
  await reach(page, words);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

/** Speaks with the API as a role of the demonstration: `(method, path, body)` gives its JSON. */
export async function api(t, role) {
  const { email, password } = t.logins.find((one) => one.role === role);
  const at = t.base + "/api/v1";
  const begun = await t.page.request.post(at + "/auth/token", { data: { email, password } });
  const headers = { Authorization: `Bearer ${(await begun.json()).access_token}` };
  return async (method, path, data) => {
    const answer = await t.page.request.fetch(at + path, { method, data, headers });
    if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${await answer.text()}`);
    return answer.json();
  };
}

let contracts = 0;

/** A contract of its own with a vendor of the demonstration, with `change` put over it; `vendors` are the others. */
export async function ownContract(t, change = {}) {
  const officer = await api(t, "officer");
  const [vendor, ...vendors] = (await officer("GET", "/organizations?kind=vendor")).items;
  contracts += 1;
  const contract = await officer("POST", "/contracts", {
    number: `E-${process.pid}-${contracts}`, title: `架空の監督業務${contracts}`, fiscal_year: 2026, vendor_id: vendor.id, amount_yen: 1000000,
    signed_on: "2026-04-01", starts_on: "2026-04-01", ends_on: "2027-03-31", scope: "架空の業務", data: [{ category: "personal", persons: 100 }],
    subcontracting: { policy: "consent_required", max_tier: 2, overseas: "prohibited" }, declaration_interval: "none", return_due_days: 14, ...change,
  });
  const chain = await officer("GET", `/contracts/${contract.id}/chain`);
  return { ...contract, root: chain.root.engagement_id, vendors };
}
