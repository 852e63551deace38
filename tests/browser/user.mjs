// 利用者と権限: registered, invited, changed, stopped, stood in for; by keyboard, and with JavaScript off.
import { act, api, enrol, signIn, sound, token, unique } from "./lib.mjs";

const email = () => `user-${unique()}@example.jp`;

async function type(page, name, text) {
  await page.focus(`[id="f-${name}"]`);
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  await page.keyboard.type(text);
}

export async function users_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "agency_admin");
  await sound(t, await page.goto(base + "/users"));
  await sound(t, await page.goto(base + "/users/new"));
  mayFail(422);
  await type(page, "name", "架空 新人");
  await type(page, "expires_on", "きのう");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check("what is wrong is named in the title", (await page.title()).startsWith("エラー: "), await page.title());
  check("and linked in the summary", (await page.locator('#error-summary a[href="#f-roles"]').count()) === 1 && (await page.locator('#error-summary a[href="#f-expires_on"]').count()) === 1);
  check("what was typed is still there", (await page.inputValue("#f-name")) === "架空 新人" && (await page.inputValue("#f-expires_on")) === "きのう");
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  const its = email();
  await type(page, "email", its);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await type(page, "expires_on", "令和９年３月３１日");
  await Promise.all([page.waitForURL(/done=user/), page.keyboard.press("Enter")]);
  await sound(t, await page.reload());
  check("the person has a page", (await page.innerText("main")).includes("招待中") && (await page.innerText("main")).includes("令和9年3月31日"), await page.innerText("main"));
  const person = page.url().replace(/\?.*/, "");
  await page.getByRole("button", { name: "招待メールを送り直す" }).focus();
  await Promise.all([page.waitForURL(/done=invited/), page.keyboard.press("Enter")]);
  await sound(t, await page.goto(person + "/change"));
  await page.focus("#f-expires_on");
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  await page.focus("#f-active");
  await page.keyboard.press("ArrowDown");
  await Promise.all([page.waitForURL(/done=user_changed/), page.keyboard.press("Enter")]);
  check("stopped, and without a last day", (await page.innerText("main")).includes("停止中") && !(await page.innerText("main")).includes("令和9年3月31日"), await page.innerText("main"));
  await page.goBack();
  check("back is the form, and nothing is done twice", page.url() === person + "/change", page.url());
  await page.goto(base + "/users");
  await page.locator("tbody tr", { hasText: "（自分）" }).locator("a").click();
  await page.waitForSelector("h1");
  check("why one's own roles can't be changed is said", (await page.innerText("main")).includes("ほかの管理者に依頼"));
  await page.click("text=この利用者を変更する");
  check("and they are not in the form", (await page.locator('[name^="roles/"]').count()) === 0);
}

/** Someone who is signed in, and on whose account a stranger has failed until logins are delayed. */
async function signedInAndBlocked(t) {
  const its = email(), password = "森と時計とハンカチ明るい";
  const { organization } = await api(t, "agency_admin", "GET", "/me");
  await api(t, "agency_admin", "POST", "/users", { organization_id: organization.id, name: "架空 待人", email: its, roles: ["officer"], password });
  await token(t.base, { email: its, password });
  const wrong = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ email: its, password: "川と鉛筆とトランプ涼しい" }) };
  for (let n = 0; n < 5; n += 1) await fetch(t.base + "/api/v1/auth/token", wrong);
  return its;
}

export const users_registered_changed_and_stood_in_for = act(async (t) => {
  const { d, check, logins, mayFail } = t;
  const its = email(), approver = logins.find((one) => one.role === "approver");
  const person = async (email) => (await d.hrefs("tbody th a"))[(await d.lines("tbody tr")).findIndex((line) => line.includes(email))];
  await d.signIn("agency_admin");
  await d.open("/users/new");
  await d.fillAll({ name: "架空 代理", email: its });
  await d.tick("roles");
  await d.pressTwice("登録して招待を送る");
  await d.told("利用者を登録しました");
  await d.press("招待メールを送り直す");
  await d.told("招待メールを送り直しました");
  const kept = await signedInAndBlocked(t);
  await d.open("/users");
  await d.follow(await person(kept));
  await d.press("ログインの制限を解除する");
  await d.told("ログインの制限を解除しました");
  await d.press("ログインをすべて終了する");
  await d.told("ログインをすべて終了しました");
  check("no login is left", (await d.text()).includes("なし"), await d.text());
  await d.open("/users");
  await d.follow(await person(its));
  await d.press("この利用者を変更する");
  await d.fill("name", "架空 新代理");
  await d.press("変更する");
  await d.told("利用者を変更しました");
  await d.open("/users");
  await d.follow(await person(approver.email));
  await d.press("代理を指定する");
  await d.choose("deputy_id", "架空 新代理");
  mayFail(422);
  await d.fillAll({ starts_on: "R12.4.1", ends_on: "R12.3.1" });
  await d.press("内容を確かめる");
  check("a wrong period is told, with what was typed", (await d.value("ends_on")) === "R12.3.1" && (await d.count("#f-ends_on[aria-invalid]")) === 1, await d.text());
  await d.fill("ends_on", "R12.4.30");
  await d.press("内容を確かめる");
  await d.pressTwice("代理を指定する");
  await d.told("代理を指定しました");
  check("the deputy is named once", (await d.lines("tbody tr")).filter((line) => line.includes("架空 新代理")).length === 1, await d.text());
  const ending = (await d.hrefs("tbody td a"))[(await d.lines("tbody tr")).findIndex((line) => line.includes("架空 新代理"))];
  await d.follow(ending);
  await d.fillAll({ ends_on: "R12.4.10", reason: "早く戻ったため（試験）" });
  await d.press("内容を確かめる");
  await d.pressTwice("この内容で変える");
  await d.told("代理の最終日を早めました");
  check("the day is another", (await d.text()).includes("2030-04-10"), await d.text());
});

export async function users_of_a_vendor_and_of_all(t) {
  const { page, base, check } = t;
  await signIn(t, "vendor_admin");
  await sound(t, await page.goto(base + "/users"));
  await sound(t, await page.goto(base + "/users/new"));
  check("only a vendor's roles", (await page.innerText("main")).includes("委託先担当者") && !(await page.innerText("main")).includes("決裁者"));
  await page.click("text=ログアウト");
  await signIn(t, "system_admin");
  await sound(t, await page.goto(base + "/users"));
  await sound(t, await page.goto(base + "/users/new"));
  await page.locator("tbody a").first().click();
  await page.waitForSelector("#f-email");
  check("first whose person it is, then who", page.url().includes("organization_id="), page.url());
}

export const changes_that_wait_for_a_second_administrator = act(async ({ another, check: know }) => {
  const { d, check, logins } = { ...(await another(["--strict"])), check: know };
  /** Signs in and registers the second factor that a strict demonstration asks for. */
  const enter = async (role) => {
    const login = logins.find((one) => one.role === role);
    await d.enter(login.email, login.password);
    await enrol(d, check);
    await d.press("保管しました。ホームへ進む");
  };
  /** The administrator, who is alone, lets in someone who decides; answers the address of what waits. */
  const asked = async (name) => {
    await d.open("/users/new");
    await d.fillAll({ name, email: email() });
    await d.tick("roles-2");
    await d.pressTwice("登録して招待を送る");
    await d.told("別の管理者が承認すると効力が生じます");
    check(`${name} has no role yet, and what waits is told`, (await d.text()).includes("承認待ち: 役割の追加") && (await d.text()).includes("却下されなければ"), await d.text());
    await d.press("内容を確かめて取り下げる");
    return d.path();
  };
  await enter("agency_admin");
  await asked("架空 取下げ");
  check("who asked can't approve", (await d.count("form[action$='/approve']")) === 0, await d.text());
  await d.press("この変更を取り下げる");
  await d.told("変更を取り下げました");
  const approved = await asked("架空 承認"), rejected = await asked("架空 却下");
  await d.press("ログアウト");
  await enter("system_admin");
  check("the home says what waits", (await d.text()).includes("承認待ちの変更があります"), await d.text());
  await d.press("承認待ちの変更を見る");
  check("two wait", (await d.count("tbody tr")) === 2, await d.text());
  await d.follow(approved);
  await d.pressTwice("この変更を承認する");
  await d.told("変更を承認しました");
  await d.open(rejected);
  await d.fill("reason", "架空の理由");
  await d.press("この変更を却下する");
  await d.told("変更を却下しました");
  check("with the reason", (await d.text()).includes("架空の理由"), await d.text());
  await d.open("/pending-changes?state=all");
  const text = await d.text();
  for (const word of ["効力発生", "却下", "取下げ"]) check(`${word} is told`, text.includes(word), text);
});

export const deputies_of_ones_own = act(async ({ d, check }) => {
  await d.signIn("agency_admin");
  await d.open("/settings/own-deputies");
  await d.choose("own_deputies", "本人が指定する");
  await d.press("変更する");
  await d.told("設定を変更しました");
  await d.signIn("officer");
  await d.open("/account/deputies/new");
  await d.choose("deputy_id", 1);
  await d.fillAll({ starts_on: "R13.4.1", ends_on: "R13.4.30" });
  await d.press("内容を確かめる");
  await d.pressTwice("代理を指定する");
  await d.told("代理を指定しました");
  const ends = (await d.hrefs("main a")).filter((href) => /deputies\/.*\/end/.test(href));
  check("who stands in is said on the account's page", ends.length >= 1, await d.text());
  await d.follow(ends.at(-1));
  await d.tick("at_once");
  await d.fill("reason", "出張の取りやめ（試験）");
  await d.press("内容を確かめる");
  await d.reads("代理を取り消します");
  await d.pressTwice("この内容で変える");
  await d.told("代理の最終日を早めました");
  await d.signIn("agency_admin");
  await d.open("/settings/own-deputies");
  await d.choose("own_deputies", "本人が申し出て、管理者が承認する");
  await d.press("変更する");
});
