// 再委託状況報告: filed, said again with one button, taken back; 受付票; both sides' lists.
import { act, api, enterKey, newContract, press, reach, signIn, sound, typeInto, unique } from "./lib.mjs";

const partner = (n) => `架空報告先${n}株式会社（試験）`;
const someone = () => partner(unique());

/** Declares the use of a new vendor from 1 February for January's report, and answers the contract. */
async function declared(t, vendor) {
  const contract = await newContract(t);
  const { root } = await api(t, "officer", "GET", `/contracts/${contract.id}/chain`);
  await api(t, "vendor_user", "POST", `/contracts/${contract.id}/declarations`, {
    period: { from: "2026-01-01", to: "2026-01-31" },
    engagements: [{ parent_engagement_id: root.engagement_id, vendor: { name: vendor, country: "JP" }, started_on: "2026-01-10", scope: "架空の点検", data: [{ category: "personal", persons: 30 }] }],
  });
  return contract;
}

export async function declaration_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  const contract = await newContract(t), vendor = someone();
  await signIn(t, "vendor_user");
  await sound(t, await page.goto(`${base}/contracts/${contract.id}/declarations`));
  check("an empty list says what to do", (await page.innerText("main")).includes("再委託なし"), await page.innerText("main"));
  await reach(page, `[href="/contracts/${contract.id}/declarations/new"]`);
  await enterKey(page);
  await sound(t, await page.reload());
  check("the period owed stands there", (await page.inputValue('[id="f-period/from"]')) === "2026-03-01" && (await page.inputValue('[id="f-period/to"]')) === "2026-03-31");
  mayFail(422);
  await reach(page, '[id="f-period/to"]');
  await enterKey(page);
  check("a blank report is told in the title", (await page.title()).startsWith("エラー: "), await page.title());
  check("the summary has the focus", await page.evaluate(() => document.activeElement?.id === "error-summary"));
  check("and leads to a place on the page", (await page.locator('[id="f-engagements"]').count()) === 1);
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  await typeInto(page, "engagements/0/vendor/name", vendor);
  await typeInto(page, "engagements/0/started_on", "昨日");
  await enterKey(page);
  check("a wrong day is told at its field", (await page.getAttribute('[id="f-engagements/0/started_on"]', "aria-invalid")) === "true");
  check("what was typed is still there", (await page.inputValue('[id="f-engagements/0/vendor/name"]')) === vendor);
  await typeInto(page, "engagements/0/started_on", "Ｒ８.２.１");
  await typeInto(page, "engagements/0/persons/personal", "１，２００");
  await reach(page, 'button[name="_again"]');
  await enterKey(page);
  check("another row is there and the first as it was", (await page.inputValue('[id="f-engagements/0/started_on"]')) === "Ｒ８.２.１" && (await page.locator('[id="f-engagements/1/started_on"]').count()) === 1);
  await reach(page, '[id="f-engagements/0/ended_on"]');
  await enterKey(page);
  const answers = await page.innerText("main");
  check("the answers are shown before anything is done", answers.includes(vendor) && answers.includes("2026-02-01") && answers.includes("1,200人"), answers);
  check("axe finds nothing where answers are checked", (await t.audit()).length === 0, await t.audit());
  await press(page, "入力に戻る");
  check("back from the check all is still there", (await page.inputValue('[id="f-engagements/0/persons/personal"]')) === "１，２００");
  await press(page, "内容を確かめる");
  await reach(page, 'button[name="_sure"]');
  await enterKey(page);
  check("it leads to the receipt", /\/declarations\/[0-9a-f-]+\?done=declared$/.test(page.url()), page.url());
  const receipt = await page.innerText("main");
  check("thanks first", receipt.includes("ご報告ありがとうございます"), receipt);
  check("says neutrally what is not covered, and what to do next", receipt.includes("確認できない期間") && receipt.includes("次にすること") && !/違反|無断/.test(receipt), receipt);
  check("and shows the entry's hash", /[0-9a-f]{64}/.test(receipt));
  await sound(t, await page.reload());
  await reach(page, "summary");
  await page.keyboard.press("Enter");
  check("how it is verified unfolds", await page.locator("pre.mail").isVisible());
  check("axe finds nothing there", (await t.audit()).length === 0, await t.audit());
  await page.goto(`${base}/contracts/${contract.id}/declarations`);
  check("it is in the list once", (await page.locator("tbody tr").count()) === 1);
  check("and so is the next report asked for", (await page.innerText("main")).includes("2026-04-30"), await page.innerText("main"));
}

export async function declaration_as_last_time(t) {
  const { page, base, check, mayFail } = t;
  const vendor = someone(), contract = await declared(t, vendor);
  await signIn(t, "vendor_user");
  const address = `${base}/contracts/${contract.id}/declarations/new`;
  await sound(t, await page.goto(address));
  check("the last one is copied in whole", (await page.inputValue('[id="f-engagements/0/started_on"]')) === "2026-01-10" && (await page.inputValue('[id="f-engagements/0/persons/personal"]')) === "30" && (await page.inputValue('[id="f-engagements/0/scope"]')) === "架空の点検");
  await reach(page, 'button[name="as_last_time"]');
  await enterKey(page);
  check("one press reports that nothing changed", page.url().endsWith("?done=declared") && (await page.innerText("main")).includes(vendor), page.url());
  // The same form sent twice acts once. Taken back, the period is owed again.
  await api(t, "vendor_user", "POST", `/declarations/${new URL(page.url()).pathname.split("/").pop()}/retract`, { reason: "誤り" });
  await page.goto(address);
  await page.locator('button[name="as_last_time"]').dblclick({ noWaitAfter: true });
  await page.waitForURL(/done=declared/);
  await page.goto(`${base}/contracts/${contract.id}/declarations`);
  check("the second press adds nothing", (await page.locator("tbody tr").count()) === 3, await page.locator("tbody tr").count());
  // 「再委託なし」 beside an open use is refused in words.
  await page.goto(address);
  mayFail(409);
  await page.locator('[id="f-engagements/0/engagement_id"]').selectOption("");
  for (const name of ["started_on", "scope", "persons/personal"]) await page.fill(`[id="f-engagements/0/${name}"]`, "");
  await page.check('[id="f-none"]');
  await press(page, "内容を確かめる");
  check("to report none while one is in use is refused in words", (await page.innerText("#error-summary")).includes("終了日"), await page.innerText("main"));
  check("axe finds nothing where it is refused", (await t.audit()).length === 0, await t.audit());
}

export const declarations_filed_and_taken_back = act(async (t) => {
  const { d, check } = t;
  const contract = await declared(t, someone()), list = `/contracts/${contract.id}/declarations`;
  await d.signIn("vendor_user");
  await d.open(`${list}/new`);
  await d.fill("engagements/0/ended_on", "令和8年3月31日");
  await d.press("再委託先の欄を増やす");
  await d.open(`${list}/new`);
  await d.fill("period/to", "2026-03-15");
  await d.fill("engagements/0/ended_on", "令和8年3月31日");
  await d.press("内容を確かめる");
  await d.pressTwice("報告する");
  await d.told("報告を受け付けました");
  await d.reads("2026-03-31まで");
  await d.open(`${list}/new`);
  await d.pressTwice("変更なしで報告する");
  await d.told("報告を受け付けました");
  await d.press("この報告を取り消す");
  await d.fill("reason", "誤って報告したため。");
  await d.press("報告を取り消す");
  await d.told("取り消しました");
  await d.open(list);
  check("each was filed once", (await d.count("tbody tr")) === 3, await d.text());
});

export async function declaration_retracted_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  const contract = await declared(t, someone());
  await signIn(t, "vendor_user");
  await page.goto(`${base}/contracts/${contract.id}/declarations`);
  await reach(page, '[href$="/retract"]');
  await enterKey(page);
  await sound(t, await page.reload());
  const address = page.url();
  mayFail(422);
  await reach(page, "main .careful-button");
  await enterKey(page);
  check("a reason is asked for", (await page.getAttribute('[id="f-reason"]', "aria-invalid")) === "true");
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  await typeInto(page, "reason", "終了日を誤ったため。");
  await reach(page, "main .careful-button");
  await enterKey(page);
  check("it is taken back", page.url().endsWith("?done=retracted") && (await page.innerText("main")).includes("取り消されています"), page.url());
  await sound(t, await page.reload());
  await sound(t, await page.goto(address));
  check("the form says that it was taken back already", (await page.innerText("main")).includes("すでに取り消されています"));
}

export async function declarations_of_both_sides(t) {
  const { page, base, check } = t;
  const vendor = someone(), contract = await declared(t, vendor);
  await signIn(t, "vendor_user");
  await sound(t, await page.goto(base + "/declarations"));
  check("the vendor's newest receipt is on top", (await page.innerText("tbody tr:first-child")).includes(contract.number), await page.innerText("tbody tr:first-child"));
  await page.locator("tbody tr:first-child td:last-child a").click();
  await page.waitForURL(/\/declarations\/[0-9a-f-]+$/);
  const receipt = page.url();
  await page.goBack();
  check("back leads to the list", new URL(page.url()).pathname === "/declarations", page.url());
  await page.goto(base + "/home");
  await press(page, "ログアウト");
  await signIn(t, "officer");
  await sound(t, await page.goto(base + "/declarations"));
  check("the agency sees who reported", (await page.innerText("thead")).includes("報告した事業者"));
  await sound(t, await page.goto(receipt));
  check("the agency sees the receipt, and can't take it back", (await page.locator('[href$="/retract"]').count()) === 0);
  await sound(t, await page.goto(`${base}/contracts/${contract.id}/declarations`));
  check("and the report on the contract's page", (await page.innerText("tbody")).includes(vendor), await page.innerText("main"));
}
