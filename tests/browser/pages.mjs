// What each page must show. A test gets { page, base, logins, check, audit }; run.mjs runs each at every width.

/** Every page: Japanese, titled, a strict CSP, nothing for axe to find, no scrolling sideways. */
async function sound({ page, check, audit }, response) {
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
async function tabTo(page, path) {
  for (let n = 0; n < 40; n += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => document.activeElement?.getAttribute("href") ?? "");
    if (at.endsWith(path)) return true;
  }
  return false;
}

export async function first_page(t) {
  const { page, base, check } = t;
  const response = await page.goto(base + "/");
  await sound(t, response);
  const words = await page.innerText("body");
  check("says in plain words that it is a demonstration", /デモ|実演|お試し|試用/.test(words) && /架空/.test(words), words.slice(0, 300));
  check("the keyboard reaches the link to the API description", await tabTo(page, "/api"));
  const outline = await page.evaluate(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== "none" || s.boxShadow !== "none"; });
  check("the focused link is seen to be focused", outline);
  await Promise.all([page.waitForURL(base + "/api"), page.keyboard.press("Enter")]);
  check("Enter leads to the API description", new URL(page.url()).pathname === "/api", page.url());
}

export async function api_description(t) {
  const { page, base, check } = t;
  const response = await page.goto(base + "/api");
  await sound(t, response);
  const words = await page.innerText("body");
  for (const path of ["/api/v1/contracts", "/api/v1/auth/token", "/api/v1/alerts"]) check(`describes ${path}`, words.includes(path));
  check("leads to the machine-readable document", (await page.locator('a[href="/api/v1/openapi.json"]').count()) > 0);
  check("the keyboard reaches it", await tabTo(page, "/api/v1/openapi.json"));
  const doc = await page.request.get(base + "/api/v1/openapi.json");
  check("which is OpenAPI 3.1", doc.ok() && (await doc.json()).openapi.startsWith("3.1"));
}
