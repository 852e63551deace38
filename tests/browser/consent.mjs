// 既承認: entered after it was decided on paper, and the list of consents.
import { act, enterKey, newContract, reach, signIn, sound, typeInto, unique } from "./lib.mjs";

const someone = () => `架空既承認先${unique()}株式会社（試験）`;

export async function recorded_consent_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  const contract = await newContract(t), vendor = someone();
  await signIn(t, "approver");
  await sound(t, await page.goto(`${base}/contracts/${contract.id}/consents/new`));
  mayFail(422);
  await reach(page, '[id="f-amount_yen"]');
  await enterKey(page);
  check("what is missing is named in the title", (await page.title()).startsWith("エラー: "), await page.title());
  const lost = await page.locator("#error-summary a").evaluateAll((links) => links.filter((a) => !document.getElementById(decodeURIComponent(a.hash.slice(1)))).map((a) => a.hash));
  check("every wrong field is reached from the summary", lost.length === 0, lost);
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  const values = {
    "vendor/name": vendor, scope: "架空の封入。", amount_yen: "３００，０００", "persons/personal": "50", decided_on: "令和8年1月10日",
    document_number: "架空第12号", valid_from: "R8.1.5", valid_until: "2026-12-31", note: "紙の決裁から転記した。",
  };
  for (const [name, text] of Object.entries(values)) await typeInto(page, name, text);
  await reach(page, "main .form > button");
  await enterKey(page);
  check("a period before the decision is told at its field", (await page.getAttribute('[id="f-valid_from"]', "aria-invalid")) === "true");
  check("what was typed is still there", (await page.inputValue('[id="f-amount_yen"]')) === values.amount_yen);
  await typeInto(page, "valid_from", "R8.1.15");
  await enterKey(page);
  const answers = await page.innerText("main");
  check("the answers are shown before anything is done", answers.includes(vendor) && answers.includes("300,000円") && answers.includes("2026-01-15"), answers);
  check("axe finds nothing where answers are checked", (await t.audit()).length === 0, await t.audit());
  await reach(page, 'button[name="_sure"]');
  await enterKey(page);
  check("it leads to the chain", page.url().endsWith("/chain?done=recorded"), page.url());
  await sound(t, await page.goto(`${base}/consents?recorded=late`));
  const first = await page.innerText("tbody tr:first-child");
  check("it is listed as 既承認, with its document", first.includes(vendor) && first.includes("既承認") && first.includes("架空第12号") && first.includes("76日後"), first);
  await sound(t, await page.goto(`${base}/consents`));
}

export const consent_recorded = act(async (t) => {
  const { d, check } = t;
  const contract = await newContract(t), vendor = someone();
  await d.signIn("approver");
  await d.open(`/contracts/${contract.id}/consents/new`);
  await d.fillAll({ "vendor/name": vendor, scope: "架空の封入。", amount_yen: "1000", decided_on: "2026-01-10", document_number: "架空第13号", valid_from: "2026-01-10", valid_until: "2026-12-31" });
  await d.press("内容を確かめる");
  await d.press("入力に戻る");
  check("back from the check all is still there", (await d.value("vendor/name")) === vendor);
  await d.press("内容を確かめる");
  await d.pressTwice("既承認として登録する");
  await d.told("既承認を登録しました");
  await d.open("/consents?recorded=late");
  check("it is entered once", (await d.lines("tbody tr")).filter((line) => line.includes(vendor)).length === 1);
});

export const consents_drafted_and_recorded_together = act(async ({ d, check }) => {
  const its = `既承認-${Math.floor(Math.random() * 1e9)}`;
  await d.signIn("officer");
  const [head] = (await d.read("/consents/drafts/template.csv")).trim().split(/\r?\n/);
  await d.open("/contracts?status=running");
  await d.follow((await d.hrefs("tbody th a"))[0]);
  const contract = (await d.text("h1")).split(" ")[0];
  const columns = head.replace("\ufeff", "").split(",");
  const value = { "契約番号": contract, "事業者名": `架空${its}商会`, "国": "日本", "業務範囲": "入力", "金額（円）": "1000", "個人情報人数": "1", "決裁日": "2020-04-01", "文書番号": its, "承認開始日": "2026-06-01", "承認終了日": "2026-06-30" };
  const file = (wrong = {}) => ({ name: `${its}.csv`, mimeType: "text/csv", buffer: Buffer.from([head, columns.map((name) => ({ ...value, ...wrong })[name] ?? "").join(",")].join("\r\n")) });
  await d.open("/consents/drafts/new");
  await d.upload("file", file());
  await d.press("読み込んで確かめる");
  await d.reads(its);
  const draft = d.path();
  check("what is to be recorded names the contract", (await d.text("main")).includes(contract), await d.text("main"));
  await d.pressTwice("起案して決裁者に回す");
  await d.told("起案しました");
  await d.open("/consents/drafts/new");
  await d.upload("file", file({ "文書番号": its + "乙" }));
  await d.press("読み込んで確かめる");
  await d.press("この起案を取り下げる");
  await d.told("取り下げました");
  await d.signIn("approver");
  await d.open(draft);
  await d.press("登録する内容を確かめる");
  check("what is to be recorded is looked at once more", (await d.text("main")).includes(`架空${its}商会`), await d.text("main"));
  await d.pressTwice("すべて既承認として登録する");
  await d.told("既承認として登録しました");
});
