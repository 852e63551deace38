// What happens to people: two tabs, the back button, a session that is over meanwhile.
import { contractOf2026, newContract, press, signIn, token, unique } from "./lib.mjs";

const main = (page) => page.innerText("main");

/** Another tab of the same browser: the same person, the same session. */
const tab = (t) => t.page.context().newPage();

async function fill(page, values) {
  for (const [name, text] of Object.entries(values)) await page.fill(`[id="f-${name}"]`, text);
}

export async function two_tabs_on_one_form(t) {
  const { page, base, check, mayFail } = t;
  const contract = await contractOf2026(t), form = `${base}/contracts/${contract.id}/amend`;
  await signIn(t, "officer");
  const other = await tab(t);
  for (const one of [page, other]) await one.goto(form);
  const amendment = { effective_on: (await page.innerText(".clock strong")).slice(0, 10), reason: "件名の変更（試験）" };
  await fill(other, { ...amendment, title: "架空の業務（先の窓）" });
  await press(other, "内容を確かめる");
  await press(other, "変更契約を登録する");
  await other.close();
  await fill(page, { ...amendment, title: "架空の業務（後の窓）" });
  mayFail(412);
  await press(page, "内容を確かめる");
  check("who comes second is told", (await page.innerText("#error-summary")).includes("先に変更しました"), await main(page));
  check("and keeps what was typed", (await page.inputValue("#f-title")) === "架空の業務（後の窓）" && (await page.inputValue("#f-reason")) === amendment.reason);
  check("axe finds nothing there", (await t.audit()).length === 0, await t.audit());
  await page.goto(`${base}/contracts/${contract.id}`);
  check("what came first stands", (await page.innerText("h1")).includes("先の窓"), await page.innerText("h1"));
}

/** Types a confirmed fact into its form, lets its session end, and sees it through. */
async function interrupted(t, role, end) {
  const { page, base, check, logins, mayFail } = t;
  const contract = await newContract(t), login = logins.find((one) => one.role === role);
  await signIn(t, role);
  await page.goto(`${base}/contracts/${contract.id}/observations/new`);
  await page.check('[name="source"]');
  const typed = { "vendor/name": `架空確認先${unique()}合同会社`, started_on: "Ｒ８.３.２", note: "名札を確かめた。" };
  await fill(page, typed);
  await end(login);
  mayFail(401);
  await press(page, "内容を確かめる");
  check("the login says that what was typed waits", (await main(page)).includes("入力していた内容"), await main(page));
  await fill(page, { email: login.email, password: login.password });
  await press(page, "ログイン");
  await press(page, "入力に戻る");
  for (const [name, text] of Object.entries(typed)) check(`${name} is as it was typed`, (await page.inputValue(`[id="f-${name}"]`)) === text);
  check("and so is what was chosen", await page.locator('[name="source"]').first().isChecked());
  await press(page, "内容を確かめる");
  await press(page, "記録する");
  check("it is recorded", page.url().includes("done=observed") && (await main(page)).includes(typed["vendor/name"]), page.url());
}

export async function logged_out_in_another_tab(t) {
  await interrupted(t, "officer", async () => {
    const other = await tab(t);
    await other.goto(t.base + "/home");
    await press(other, "ログアウト");
    await other.close();
  });
}

export async function session_ended_from_another_device(t) {
  await interrupted(t, "auditor", async (login) => {
    const headers = { authorization: `Bearer ${await token(t.base, login)}`, "content-type": "application/json" };
    const { items } = await (await fetch(`${t.base}/api/v1/me/sessions`, { headers })).json();
    for (const session of items.filter((one) => !one.current)) await fetch(`${t.base}/api/v1/me/sessions/${session.id}/end`, { method: "POST", headers, body: "{}" });
  });
}

export async function another_person_in_another_tab(t) {
  const { page, base, check, mayFail } = t;
  const contract = await newContract(t), list = `${base}/contracts/${contract.id}/declarations`;
  await signIn(t, "officer");
  await page.goto(`${base}/contracts/${contract.id}/observations/new`);
  await page.check('[name="source"]');
  await fill(page, { "vendor/name": `架空確認先${unique()}合同会社`, started_on: "2026-03-02" });
  const other = await tab(t);
  await signIn(t, "auditor", other);
  await other.close();
  mayFail(403);
  await press(page, "内容を確かめる");
  check("the form of one is not sent for another", (await main(page)).includes("前の画面を開き直して"), await main(page));
  await page.goto(list);
  check("and nothing is recorded", !(await main(page)).includes("架空確認先"), await main(page));
}

export async function back_after_an_act(t) {
  const { page, base, check, mayFail } = t;
  const contract = await newContract(t), list = `${base}/contracts/${contract.id}/declarations`;
  await signIn(t, "officer");
  // Without a check page: the form is there anew, in which the browser keeps what was typed.
  const name = `架空登録${unique()}株式会社`;
  await page.goto(base + "/vendors/new");
  await fill(page, { name });
  await press(page, "事業者を登録する");
  await page.goBack();
  check("back is the form", page.url() === base + "/vendors/new" && (await page.innerText("h1")) === "事業者の登録", page.url());
  mayFail(409);
  await press(page, "事業者を登録する");
  check("to register the same again is asked about", (await main(page)).includes("別の事業者"), await main(page));
  await page.goto(`${base}/vendors?q=${encodeURIComponent(name)}`);
  check("the vendor is registered once", (await page.locator("tbody tr").count()) === 1);
  // With one: the browser sends nothing by itself, and what is sent again on purpose acts once.
  await page.goto(`${base}/contracts/${contract.id}/observations/new`);
  await page.check('[name="source"]');
  await fill(page, { "vendor/name": `架空確認先${unique()}合同会社`, started_on: "2026-03-02" });
  await press(page, "内容を確かめる");
  await press(page, "記録する");
  await page.goBack().catch((error) => check("the browser asks before it sends a form again", String(error).includes("ERR_CACHE_MISS"), String(error)));
  await page.waitForFunction(() => document.querySelector("#main-frame-error"));
  mayFail(422);
  await page.reload();
  check("it says that this was sent before", (await main(page)).includes("すでに一度送信されています"), await main(page));
  check("with what was typed", (await page.inputValue('[name="vendor/name"]')).startsWith("架空確認先"));
  await page.goto(list);
  check("and that is there once", (await page.locator("tbody tr", { hasText: "架空確認先" }).count()) === 1, await main(page));
}
