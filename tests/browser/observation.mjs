// 確認事項: recorded, listed, taken back; the agency's alone.
import { enterKey, newContract, press, reach, signIn, sound, typeInto } from "./lib.mjs";

let named = 0;
const someone = () => `架空確認先${Date.now()}-${(named += 1)}合同会社（試験）`;

export async function observation_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  const contract = await newContract(t), vendor = someone();
  await signIn(t, "officer");
  const list = `${base}/contracts/${contract.id}/declarations`;
  await sound(t, await page.goto(list));
  await reach(page, '[href$="/observations/new"]');
  await enterKey(page);
  await sound(t, await page.reload());
  mayFail(422);
  await reach(page, "main .form button");
  await enterKey(page);
  check("what is missing is named in the title", (await page.title()).startsWith("エラー: "), await page.title());
  const targets = await page.locator("#error-summary a").evaluateAll((links) => links.filter((a) => !document.getElementById(decodeURIComponent(a.hash.slice(1)))).map((a) => a.hash));
  check("every wrong field is reached from the summary", targets.length === 0, targets);
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  await reach(page, '[name="source"]');
  await page.keyboard.press("Space");
  await typeInto(page, "vendor/name", vendor);
  await typeInto(page, "started_on", "R8.3.2");
  await typeInto(page, "note", "入力室で名札を確認した。");
  await reach(page, "main .form > button");
  await enterKey(page);
  const answers = await page.innerText("main");
  check("the answers are shown before anything is done", answers.includes("実地確認") && answers.includes(vendor) && answers.includes("2026-03-02"), answers);
  await reach(page, 'button[name="_sure"]');
  await enterKey(page);
  await page.waitForURL(/done=observed/);
  check("it is in the list", (await page.innerText("main")).includes(vendor), await page.innerText("main"));
  await sound(t, await page.reload());
  await reach(page, '[href^="/observations/"]');
  await enterKey(page);
  await sound(t, await page.reload());
  await reach(page, "main .careful-button");
  await enterKey(page);
  check("a reason is asked for", (await page.getAttribute('[id="f-reason"]', "aria-invalid")) === "true");
  await typeInto(page, "reason", "別の契約の従業者だったため。");
  await reach(page, "main .careful-button");
  await enterKey(page);
  await page.waitForURL(/done=retracted/);
  check("it is taken back and stays in sight", (await page.innerText("main")).includes("取消し済み"), await page.innerText("main"));
}

export async function observation_without_javascript(t) {
  const { base, check, plain } = t;
  const contract = await newContract(t), vendor = someone();
  const page = await plain();
  await signIn(t, "auditor", page);
  await page.goto(`${base}/contracts/${contract.id}/observations/new`);
  await page.check('[value="third_party"]');
  await page.fill('[id="f-vendor/name"]', vendor);
  await page.fill('[id="f-started_on"]', "2026-03-02");
  await press(page, "内容を確かめる");
  // The second press comes before the answer to the first.
  await page.getByRole("button", { name: "記録する" }).dblclick({ noWaitAfter: true });
  await page.waitForURL(/done=observed/);
  check("it is recorded once", (await page.locator("tbody tr").count()) === 1, await page.locator("tbody tr").count());
  await page.click("text=取り消す");
  await page.fill('[id="f-reason"]', "誤り。");
  await press(page, "確認事項を取り消す");
  check("and taken back", (await page.innerText("main")).includes("取消し済み"));
  await press(page, "ログアウト");
  await signIn(t, "vendor_user", page);
  await page.goto(`${base}/contracts/${contract.id}/declarations`);
  check("the vendor sees nothing of it", !(await page.innerText("main")).includes(vendor) && !(await page.innerText("main")).includes("確認事項"));
  await page.close();
}
