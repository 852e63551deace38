// The pages before and around the work: first page, API description, login, account.
import { act, api, enter, sound, tabTo, token, unique } from "./lib.mjs";

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

export async function login(t) {
  const { page, base, logins, check, mayFail } = t;
  const officer = logins.find((login) => login.role === "officer");
  await sound(t, await page.goto(base + "/account"));
  check("who is not known is asked to log in", new URL(page.url()).pathname === "/login", page.url());
  mayFail(401);
  await Promise.all([page.waitForResponse((r) => r.request().method() === "POST"), enter(t, officer.email, "違うパスワードです。")]);
  await page.waitForSelector("#error-summary");
  check("the title begins with the error", (await page.title()).startsWith("エラー: "), await page.title());
  check("the summary has the focus", await page.evaluate(() => document.activeElement?.id === "error-summary"));
  check("what was typed is still there", (await page.inputValue("#f-email")) === officer.email);
  check("but not the password", (await page.inputValue("#f-password")) === "");
  check("axe finds nothing in the error state", (await t.audit()).length === 0);
  mayFail(422);
  await Promise.all([page.waitForResponse((r) => r.request().method() === "POST"), enter(t, "", "")]);
  await page.waitForSelector(".field.wrong");
  check("the summary leads to the field", (await page.locator('#error-summary a[href="#f-email"]').count()) === 1);
  check("axe finds nothing where fields are wrong", (await t.audit()).length === 0, await t.audit());
  await Promise.all([page.waitForURL(base + "/account"), enter(t, officer.email, officer.password)]);
  await sound(t, await page.reload());
  check("says who is signed in", (await page.innerText(".who")).includes("担当者"), await page.innerText(".who"));
  await Promise.all([page.waitForURL(base + "/login"), page.click("text=ログアウト")]);
  await page.goBack();
  await page.reload();
  check("the back button shows nothing after the logout", new URL(page.url()).pathname === "/login", page.url());
}

export async function demonstration_login_in_one_click(t) {
  const { page, base, check } = t;
  await page.goto(base + "/");
  await Promise.all([page.waitForURL(base + "/home"), page.locator(".logins button").first().click()]);
  check("is signed in", (await page.locator(".who").count()) === 1);
  await Promise.all([page.waitForURL(base + "/login"), page.click("text=ログアウト")]);
}

export async function account(t) {
  const { page, base, logins, check, mayFail } = t;
  const auditor = logins.find((login) => login.role === "auditor") ?? logins[0];
  await page.goto(base + "/login");
  await Promise.all([page.waitForURL(base + "/home"), enter(t, auditor.email, auditor.password)]);
  await page.goto(base + "/account");
  mayFail(422);
  await page.fill("#f-current", "違うパスワードです。");
  await page.fill("#f-new", "川と鉛筆とトランプ涼しい");
  await page.fill("#f-again", "違う");
  await Promise.all([page.waitForResponse((r) => r.request().method() === "POST"), page.click("text=パスワードを変更する")]);
  await page.waitForSelector("#e-again");
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  check("the wrong field says so", (await page.getAttribute("#f-again", "aria-invalid")) === "true");
}

export async function password_reset(t) {
  const { page, base, check } = t;
  await sound(t, await page.goto(base + "/password-reset"));
  await page.fill("#f-email", "nobody@example.jp");
  await Promise.all([page.waitForResponse((r) => r.request().method() === "POST"), page.click("text=案内を送る")]);
  await page.waitForSelector("main [role=status]");
  check("says what happens now", (await page.innerText("main")).includes("1時間以内"));
  check("axe finds nothing", (await t.audit()).length === 0, await t.audit());
  await sound(t, await page.goto(base + "/invitation"));
  await sound(t, await page.goto(base + "/invitation?token=x"));
}

/** Reads the newest letter of a subject to someone, once it has come, and follows its link. */
async function followLetter(t, to, subject, link) {
  const { d } = t, until = Date.now() + 60_000;
  await d.signIn("officer");
  const mine = async () => (await d.lines(".letters li")).findIndex((line) => line.includes(to) && line.includes(subject));
  let at = -1;
  while (at < 0 && Date.now() < until) {
    await d.open("/demo/mail");
    at = await mine();
  }
  await d.follow((await d.hrefs(".letters a"))[at]);
  const [address] = (await d.hrefs(".mail a")).filter((href) => href.startsWith(link));
  await d.follow(address);
}

export const account_from_invitation_to_forgotten_password = act(async (t) => {
  const { d, base, check } = t;
  const email = `account-${unique()}@example.jp`;
  const [first, second, third] = ["川と鉛筆とトランプ涼しい", "森と時計とハンカチ明るい", "海と切手とスリッパ静かな"];
  const { organization } = await api(t, "agency_admin", "GET", "/me");
  await api(t, "agency_admin", "POST", "/users", { organization_id: organization.id, name: "架空 新人", email, roles: ["officer"] });
  await followLetter(t, email, "ご利用のご案内", "/invitation?token=");
  await d.reads(email);
  await d.fillAll({ password: first, again: first });
  await d.press("パスワードを設定する");
  await d.told("ログインしました");
  await token(base, { email, password: first });
  await d.open("/account");
  const sessions = await d.count("tbody tr");
  await d.press("終了する");
  check("another session is over", sessions === 2 && (await d.count("tbody tr")) === 1, sessions);
  await d.fillAll({ current: first, new: second, again: second });
  await d.press("パスワードを変更する");
  await d.told("パスワード");
  await d.press("ログアウト");
  check("is logged out", d.path() === "/login", d.path());
  await d.press("パスワードを忘れたとき");
  await d.fill("email", email);
  await d.press("案内を送る");
  await d.told("案内を送りました");
  await followLetter(t, email, "パスワード再設定", "/password-reset?token=");
  await d.fillAll({ password: third, again: third });
  await d.press("パスワードを設定する");
  await d.told("パスワードを設定しました");
  await d.enter(email, third);
  await d.open("/account");
  await d.reads(email);
});
