// アラート: found, taken up (one and several), judged, measured, accepted to a day; by keyboard, and with JavaScript off.
import { act, api, contractOf2026, follow, press, reach, signIn, sound } from "./lib.mjs";

/** A contract that prohibits what an audit has seen on it. */
async function exceeded(t) {
  const contract = await contractOf2026(t, { subcontracting: { policy: "prohibited", max_tier: 2, overseas: "prohibited" } });
  const { items } = await api(t, "officer", "GET", "/organizations?kind=vendor");
  const other = items.find((vendor) => vendor.id !== contract.vendor_id);
  const seen = { source: "audit", parent_engagement_id: contract.root, vendor_id: other.id, started_on: "2026-04-01", ended_on: null };
  await api(t, "auditor", "POST", `/contracts/${contract.id}/observations`, seen);
  return contract;
}

export async function alerts_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "officer");
  const contract = await contractOf2026(t);
  await sound(t, await page.goto(`${base}/alerts?contract_id=${contract.id}`));
  check("the contract is named", (await page.innerText("main")).includes(contract.title));
  mayFail(422);
  await follow(page, "選んだアラートに着手する");
  check("none chosen is told in the title", (await page.title()).startsWith("エラー: "), await page.title());
  check("the summary has the focus", await page.evaluate(() => document.activeElement?.id === "error-summary"));
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  check("the list is still that contract's", (await page.locator("tbody tr").count()) === 1);
  await reach(page, '[id="f-ids"]');
  await page.keyboard.press("Space");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check("it is taken up", (await page.innerText("[role=status]")).includes("着手しました"));
  check("and the list is as it was narrowed", page.url().includes(contract.id), page.url());

  await follow(page, "年度内の実地検査の予定なし");
  await sound(t, await page.reload());
  const alert = page.url();
  const words = await page.innerText("main");
  check("the rule is explained", /第1版/.test(words) && /よりどころ/.test(words) && /解消するとき/.test(words), words);
  check("it leads to what ends it", (await page.locator(`main a[href="/contracts/${contract.id}/audits/new"]`).count()) === 1);

  await follow(page, "判断を記録する");
  await sound(t, await page.reload());
  await reach(page, '[id="f-reason"]');
  await page.keyboard.type("先方に照会している（試験）");
  await follow(page, "記録する");
  check("what is missing is told at its field", (await page.locator('#error-summary a[href="#f-assessment"]').count()) === 1);
  check("what was typed is still there", (await page.inputValue("#f-reason")).includes("先方に照会"));
  check("axe finds nothing in the form's error state", (await t.audit()).length === 0, await t.audit());
  await reach(page, '[id="f-assessment"]');
  await page.keyboard.press("ArrowDown");
  await follow(page, "記録する");
  check("the judgement is told", (await page.innerText("[role=status]")).includes("判断を記録しました"));

  await follow(page, "とった措置を記録する");
  await sound(t, await page.reload());
  await reach(page, '[id="f-reason"]');
  await page.keyboard.type("実地検査の計画を求めた（試験）");
  await follow(page, "記録する");
  const course = await page.innerText(".timeline");
  for (const step of ["見つかりました", "着手", "確認中", "先方に照会", "実地検査の計画を求めた"]) check(`the course tells ${step}`, course.includes(step), course);
  await page.goBack();
  await page.goto(alert);
  check("the back button does nothing twice", (await page.locator(".timeline li").count()) === 4, await page.innerText(".timeline"));
}

export const alerts_handled = act(async (t) => {
  const { d, check } = t;
  const contract = await exceeded(t);
  await d.signIn("officer");
  const list = `/alerts?contract_id=${contract.id}`;
  await d.open(list);
  const all = await d.count("tbody tr");
  await d.press(`この画面の未対応${all}件を選ぶ`);
  check("all are chosen", (await d.count("tbody input:checked")) === all && all > 1, all);
  await d.press("選んだアラートに着手する");
  check("all are taken up", (await d.lines("tbody tr")).every((line) => line.includes("対応中")), await d.text("tbody"));
  await d.press("再委託禁止の契約での再委託");
  await d.press("判断を記録する");
  await d.choose("assessment", "該当");
  await d.fill("reason", "契約書で確認した（試験）");
  await d.press("記録する");
  await d.told("判断を記録しました");
  await d.press("とった措置を記録する・期限を定めて認める");
  const today = (await d.text(".clock strong")).slice(0, 10);
  await d.fillAll({ reason: "移行が終わるまで認める（試験）", accepted_until: today.replaceAll("-", "/") });
  await d.press("記録する");
  check("to accept an excess is asked once more", (await d.text("h1")).includes("確かめる"));
  await d.press("入力に戻る");
  check("what was typed is still there", (await d.value("reason")).includes("移行が終わるまで"));
  await d.press("記録する");
  await d.press("期限を定めて認める");
  await d.reads("解消しています");
  const third = await exceeded(t);
  await d.open(`/alerts/acknowledge-matching?contract_id=${third.id}`);
  await d.reads("未対応のアラートは");
  await d.pressTwice(`${all}件に着手する`);
  await d.told("着手しました");
  check("all of the filter are taken up", (await d.lines("tbody tr")).every((line) => line.includes("対応中")), await d.text("tbody"));
  // One alone, twice.
  const other = await contractOf2026(t);
  await d.open(`/alerts?contract_id=${other.id}`);
  await d.press("年度内の実地検査の予定なし");
  await d.pressTwice("着手する");
  await d.told("着手しました");
  check("it is taken up once", (await d.lines(".timeline li")).filter((line) => line.includes("着手")).length === 1, await d.text(".timeline"));
});

export async function alerts_as_others_see_them(t) {
  const { page, base, check } = t;
  for (const role of ["vendor_user", "overseer", "agency_admin"]) {
    await page.context().clearCookies();
    await signIn(t, role);
    await sound(t, await page.goto(base + "/alerts?state=all"));
    check(`${role} chooses nothing`, (await page.locator("tbody input").count()) === 0);
    await sound(t, await page.goto(base + "/alerts?kind=capacity_short"));
    check(`${role} is told that there is none`, (await page.innerText(".empty")).includes("条件に合うアラートはありません"));
  }
}
