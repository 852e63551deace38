// 確認事項: recorded, listed, taken back; the agency's alone.
import { act, enterKey, newContract, reach, signIn, sound, typeInto, unique } from "./lib.mjs";

const someone = () => `架空確認先${unique()}合同会社（試験）`;

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

export const observation_recorded_and_taken_back = act(async (t) => {
  const { d, check } = t;
  const contract = await newContract(t), vendor = someone();
  await d.signIn("auditor");
  await d.open(`/contracts/${contract.id}/observations/new`);
  await d.choose("source", "第三者情報");
  await d.fillAll({ "vendor/name": vendor, started_on: "2026-03-02" });
  await d.press("内容を確かめる");
  await d.pressTwice("記録する");
  await d.told("確認事項を記録しました");
  check("it is recorded once", (await d.count("tbody tr")) === 1, await d.text());
  await d.press("取り消す");
  await d.fill("reason", "誤り。");
  await d.press("確認事項を取り消す");
  await d.reads("取消し済み");
  await d.signIn("vendor_user");
  await d.open(`/contracts/${contract.id}/declarations`);
  const seen = await d.text();
  check("the vendor sees nothing of it", !seen.includes(vendor) && !seen.includes("確認事項"), seen);
});
