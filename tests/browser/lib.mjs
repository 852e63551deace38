// What the tests of pages share. A test gets { page, base, logins, check, audit, mayFail, plain }; run.mjs runs each at
// every width. Its name says what it shows. An act (below) gets a driver instead of the page.

import { execFileSync } from "node:child_process";
import { join } from "node:path";

const interpreter = process.env.ITAKU_TESTS_PYTHON ?? join(import.meta.dirname, "../../target/tools/venv/bin/python");
/** What a program in Python prints. */
export const python = (program, ...given) => execFileSync(interpreter, ["-c", program, ...given], { encoding: "utf8" }).trim();

/** The code of a secret, some steps of thirty seconds from now. */
export const code = (secret, steps = 0) => python("import pyotp, sys, time; print(pyotp.TOTP(sys.argv[1]).at(time.time() + 30 * int(sys.argv[2])))", secret, String(steps));

/** Registers an authenticator app where one was led to; its secret and the recovery codes. */
export async function enrol(d, check) {
  await d.press("認証アプリを登録する");
  const secret = (await d.text("code.secret")).replaceAll(" ", "");
  await d.fill("code", code(secret));
  await d.press("確認して登録する");
  const codes = await d.lines(".codes li");
  check("ten recovery codes are shown", codes.length === 10 && new Set(codes).size === 10, codes.length);
  return { secret, codes };
}

/**
 * What is done, written once and done in two ways: at one width by the keyboard alone, at the other with JavaScript off.
 * It gets { d, base, logins, check, mayFail, another }: `d` is its driver (driver.mjs), `another` starts a demonstration
 * of its own.
 */
export const act = (work) => Object.assign(work, { isAct: true });

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
  await Promise.all([page.waitForURL(t.base + "/home"), page.click("main button[type=submit]")]);
}

/** Presses a button by its words and waits for the page it leads to. */
export async function press(page, words) {
  await Promise.all([page.waitForNavigation(), page.getByRole("button", { name: words }).first().click()]);
}

/** Presses Tab until the focus is on what `css` finds. */
export async function reach(page, css) {
  for (let n = 0; n < 200; n += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((css) => document.activeElement?.matches(css) ?? false, css)) return true;
  }
  throw new Error(`the keyboard does not reach ${css}`);
}

/** Types into a field that the keyboard reaches, in place of what stands there. */
export async function typeInto(page, name, text) {
  await reach(page, `[id="f-${name}"]`);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
}

/** Presses Enter and waits for the page it leads to. */
export async function enterKey(page) {
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

const send = (base, path, init) => fetch(`${base}/api/v1${path}`, { ...init, headers: { "content-type": "application/json", ...init.headers } });

/** Begins a session of the API. */
export async function token(base, { email, password }) {
  const session = await send(base, "/auth/token", { method: "POST", body: JSON.stringify({ email, password }) });
  return (await session.json()).access_token;
}

const tokens = new WeakMap();

/** Asks the API as a role of the demonstration, for what a test needs to be there already; a test logs in once a role. */
export async function api(t, role, method, path, body) {
  if (!tokens.has(t)) tokens.set(t, {});
  const mine = tokens.get(t);
  mine[role] ??= await token(t.base, t.logins.find((one) => one.role === role));
  const answer = await send(t.base, path, { method, headers: { authorization: `Bearer ${mine[role]}` }, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

let made = 0;

/** What nothing else of a run has in its name. */
export const unique = () => `${Date.now().toString(36)}-${(made += 1)}`;

/** A running contract of the demonstration's vendor; answers it. */
export async function newContract(t, change = {}) {
  const { organization } = await api(t, "vendor_user", "GET", "/me");
  return api(t, "officer", "POST", "/contracts", {
    number: `報告-${unique()}`, title: "架空の入力業務（試験）", fiscal_year: 2025, vendor_id: organization.id,
    amount_yen: 1_000_000, signed_on: "2026-01-01", starts_on: "2026-01-01", ends_on: "2027-03-31", scope: "架空の入力。",
    data: [{ category: "personal", persons: 1000 }],
    subcontracting: { policy: "consent_required", max_tier: 4, max_ratio_percent: null, overseas: "prohibited" },
    declaration_interval: "monthly", return_due_days: 14, ...change,
  });
}

/** As newContract, of the 年度 2026, with the engagement of its prime. */
export async function contractOf2026(t, change = {}) {
  const contract = await newContract(t, { fiscal_year: 2026, signed_on: "2026-04-01", starts_on: "2026-04-01", ...change });
  const chain = await api(t, "officer", "GET", `/contracts/${contract.id}/chain`);
  return { ...contract, root: chain.root.engagement_id };
}

/** Presses Tab until what has the focus says these words, presses Enter, and waits for the page it leads to. */
export async function follow(page, words) {
  for (let n = 0; n < 300; n += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((words) => document.activeElement?.innerText?.trim() === words, words)) return enterKey(page);
  }
  throw new Error(`the keyboard does not reach ${words}`);
}
