// 再委託承認申請 and the chain, on both sides: filed, sent back, corrected, reviewed, decided, revoked, withdrawn; by
// keyboard, with JavaScript off, by two people at once.
import { act, api, contractOf2026, press, signIn, sound, unique } from "./lib.mjs";

const name = (what) => `架空${what}株式会社${unique()}`;

/** A contract of the demonstration's vendor, and what is done about its applications, through the API. */
async function stage(t) {
  const ask = (role, method, path, data) => api(t, role, method, path, data);
  const contract = await contractOf2026(t, { amount_yen: 10_000_000, declaration_interval: "none" });
  const asked = { scope: "入力の一部", reason: "人手が足りない", amount_yen: 100_000, starts_on: "2026-05-01", ends_on: "2026-12-31", data: [{ category: "personal", persons: 10 }] };
  const file = () => ask("vendor_user", "POST", `/contracts/${contract.id}/applications`, { parent_engagement_id: contract.root, vendor: { name: name("乙") }, ...asked });
  const review = (id) => ask("officer", "POST", `/applications/${id}/review`, { facilities: "ok", technique: "ok", training: "ok", management: "concern", note: "要員が少ない。" });
  const consent = (id) => ask("approver", "POST", `/applications/${id}/decision`, { decision: "consent", reason: "必要と認める。" });
  return { ask, contract, file, review, consent };
}

const field = (its) => `[id="f-${its}"]`;

/** Types over what stands in a field, by the keyboard. */
async function type(page, its, text) {
  await page.focus(field(its));
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
}

/** Presses Tab until the focus is on a button or link of these words, then Enter. */
async function enterOn(page, words) {
  for (let n = 0; n < 120; n += 1) {
    const at = await page.evaluate(() => ({ text: document.activeElement?.textContent ?? "", tag: document.activeElement?.tagName }));
    if ((at.tag === "BUTTON" || at.tag === "A") && at.text.includes(words)) {
      await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not reach ${words}`);
}

/** Chooses a radio by the keyboard: the n-th of its group. */
async function pick(page, its, n) {
  await page.focus(field(its));
  await page.keyboard.press("Space");
  for (let i = 0; i < n; i += 1) await page.keyboard.press("ArrowDown");
}

const main = (page) => page.innerText("main");

export async function application_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "vendor_user");
  const { contract } = await stage(t);
  const its = name("丙");
  // Filed, one topic a page.
  await sound(t, await page.goto(`${base}/contracts/${contract.id}/chain`));
  await enterOn(page, "この下の再委託を申請する");
  mayFail(422);
  await enterOn(page, "次へ");
  check("a topic left empty is told at once", (await page.title()).startsWith("エラー: ") && (await page.locator("#error-summary").count()) === 1, await page.title());
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  await type(page, "vendor/name", its);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check("Enter in a field goes on", (await page.innerText("[aria-current=step]")).includes("業務"), await page.innerText("[aria-current=step]"));
  check("axe finds nothing on a later topic", (await t.audit()).length === 0, await t.audit());
  await type(page, "scope", "入力の一部");
  await type(page, "reason", "人手が足りない");
  await type(page, "amount_yen", "１，２００，０００");
  await enterOn(page, "次へ");
  await type(page, "starts_on", "Ｒ８.５.１");
  await type(page, "ends_on", "令和9年12月31日");
  await type(page, "persons/personal", "１２０");
  await enterOn(page, "前へ");
  check("going back keeps all", (await page.inputValue(field("amount_yen"))) === "１，２００，０００");
  await enterOn(page, "次へ");
  check("also what was typed on the way", (await page.inputValue(field("starts_on"))) === "Ｒ８.５.１");
  await enterOn(page, "次へ");
  check("a day outside the contract is told at its field, on its step", (await page.getAttribute(field("ends_on"), "aria-invalid")) === "true" && (await page.locator('input[type=hidden][name="scope"]').count()) === 1, await main(page));
  check("axe finds nothing there", (await t.audit()).length === 0, await t.audit());
  await type(page, "ends_on", "2026/12/31");
  await enterOn(page, "次へ");
  check("where the data are handled is asked for", (await page.getAttribute(field("work_places/0"), "aria-invalid")) === "true", await main(page));
  await type(page, "work_places/0", "架空市1丁目");
  await enterOn(page, "次へ");
  await type(page, "safeguards/組織的安全管理措置", "責任者を置く");
  await enterOn(page, "内容を確かめる");
  check("the answers are looked at before they are sent", /1,200,000円/.test(await main(page)) && (await main(page)).includes(its), await main(page));
  check("axe finds nothing where answers are checked", (await t.audit()).length === 0, await t.audit());
  check("and by when it should be decided is told", /決定の期限/.test(await main(page)), await main(page));
  await page.getByRole("button", { name: "申請する" }).dblclick({ noWaitAfter: true });
  await page.waitForFunction(() => location.search.includes("done=filed"));
  check("it is said what happens next", (await main(page)).includes("これから"), await main(page));
  const path = new URL(page.url()).pathname;
  await sound(t, await page.goto(`${base}/applications`));
  await page.goBack();
  check("the back button leads to what was filed, not to the form", new URL(page.url()).pathname === path, page.url());
  await page.goForward();
  check("and it is there once", (await page.getByRole("link", { name: its }).count()) === 1);

  // Sent back by the officer.
  await signIn(t, "officer");
  await sound(t, await page.goto(base + path));
  await enterOn(page, "補正を依頼する");
  await page.focus(field("reply_by"));
  await page.keyboard.type("きのう");
  await enterOn(page, "補正を依頼する");
  check("what was wrong is told, what was typed is there", (await page.inputValue(field("reply_by"))) === "きのう" && (await page.locator("#error-summary a").count()) === 2, await main(page));
  check("axe finds nothing where the return is wrong", (await t.audit()).length === 0, await t.audit());
  await type(page, "points", "作業場所を書いてください。");
  await type(page, "reply_by", "");
  await page.keyboard.press("Delete");
  await enterOn(page, "補正を依頼する");
  check("the return is done", (await page.innerText("[role=status]")).includes("補正を依頼しました"));

  // Corrected by the vendor.
  await signIn(t, "vendor_user");
  await sound(t, await page.goto(base + path));
  check("the vendor reads the points", (await main(page)).includes("作業場所を書いてください。"));
  await enterOn(page, "補正する");
  check("the form has what was applied for", (await page.inputValue(field("scope"))) === "入力の一部" && (await page.inputValue(field("safeguards/組織的安全管理措置"))) === "責任者を置く");
  await sound(t, await page.reload());
  await type(page, "work_places/0", "架空市1丁目");
  await type(page, "work_places/1", "架空市2丁目");
  await enterOn(page, "作業場所の行を増やす");
  check("rows can be added", (await page.locator(field("work_places/3")).count()) === 1 && (await page.inputValue(field("work_places/1"))) === "架空市2丁目");
  await enterOn(page, "内容を確かめる");
  await enterOn(page, "補正して提出する");
  check("the correction is done", (await page.innerText("[role=status]")).includes("補正した申請"));

  // Reviewed by the officer.
  await signIn(t, "officer");
  await page.goto(base + path);
  check("what was corrected stands field by field", (await main(page)).includes("補正の前") && (await main(page)).includes("架空市2丁目"));
  await enterOn(page, "審査を記録する");
  await sound(t, await page.reload());
  await enterOn(page, "審査を記録する");
  check("each point is asked for", (await page.locator("#error-summary a").count()) === 4, await main(page));
  check("axe finds nothing where the review is wrong", (await t.audit()).length === 0, await t.audit());
  for (const point of ["facilities", "technique", "training"]) await pick(page, point, 0);
  await pick(page, "management", 1);
  await type(page, "note", "要員を確かめた。");
  await pick(page, "clauses/0/answer", 1);
  await type(page, "clauses/0/remark", "第5条");
  await enterOn(page, "審査を記録する");
  check("the review stands for the decider", (await main(page)).includes("要員を確かめた。") && (await main(page)).includes("第5条"));

  // Decided by the approver.
  await signIn(t, "approver");
  await sound(t, await page.goto(base + path));
  await enterOn(page, "決裁する");
  await sound(t, await page.reload());
  await enterOn(page, "内容を確かめる");
  check("decision and reason are asked for", (await page.locator("#error-summary a").count()) === 2, await main(page));
  await pick(page, "decision", 0);
  await type(page, "conditions", "施錠した部屋で行う。");
  await type(page, "reason", "必要と認める。");
  await enterOn(page, "内容を確かめる");
  check("the decision is looked at once more", (await page.innerText("h1")).includes("確かめる") && (await main(page)).includes("施錠した部屋で行う。"));
  check("axe finds nothing where the decision is checked", (await t.audit()).length === 0, await t.audit());
  await page.getByRole("button", { name: "承認する" }).dblclick({ noWaitAfter: true });
  await page.waitForFunction(() => location.search.includes("done=decided"));
  check("it is decided", (await main(page)).includes("施錠した部屋で行う。"));

  // Revoked from the chain.
  await sound(t, await page.goto(`${base}/contracts/${contract.id}/chain`));
  await enterOn(page, "承認を取り消す");
  await sound(t, await page.reload());
  await enterOn(page, "内容を確かめる");
  check("the reason is asked for", (await page.locator('#error-summary a[href="#f-reason"]').count()) === 1);
  check("axe finds nothing where the revocation is wrong", (await t.audit()).length === 0, await t.audit());
  await type(page, "effective_on", "Ｒ８.６.１");
  await type(page, "reason", "体制の不備。");
  await enterOn(page, "内容を確かめる");
  await enterOn(page, "承認を取り消す");
  check("the chain says so", (await main(page)).includes("2026-06-01から取消し"), await main(page));
  mayFail(422);
  await type(page, "as_of", "いつか");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check("a day that is none is told", (await page.inputValue(field("as_of"))) === "いつか" && (await page.locator("#error-summary").count()) === 1);
  check("axe finds nothing where the day is wrong", (await t.audit()).length === 0, await t.audit());
  await type(page, "as_of", "令和8年5月15日");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check("the chain of another day", (await main(page)).includes("2026-05-15（令和8年5月15日）の体制です"), await main(page));
  await sound(t, await page.goto(`${base}/contracts/${contract.id}/chain?known_at=2026-03-01`));
  check("before it was known there is nothing", (await main(page)).includes("まだ台帳に記録されていません"));
}

export const applications_filed_judged_and_decided = act(async (t) => {
  const { d, check } = t;
  const { contract, file, review } = await stage(t);
  const its = name("丁");
  await d.signIn("vendor_user");
  await d.open(`/contracts/${contract.id}/applications/new`);
  await d.fill("vendor/name", its);
  await d.press("次へ");
  await d.fillAll({ scope: "発送", reason: "人手", amount_yen: "50000" });
  await d.press("次へ");
  await d.fillAll({ starts_on: "R8.5.1", ends_on: "R8.12.31", "persons/personal": "0" });
  await d.press("次へ");
  await d.press("内容を確かめる");
  await d.press("期間・場所・個人情報を直す");
  check("back from the check all is still there", (await d.value("ends_on")) === "R8.12.31");
  await d.press("前へ: 業務・理由・金額");
  await d.press("前へ: 再委託先");
  check("on every step", (await d.value("vendor/name")) === its);
  for (const step of ["業務・理由・金額", "期間・場所・個人情報", "安全管理措置"]) await d.press(`次へ: ${step}`);
  await d.press("内容を確かめる");
  await d.pressTwice("申請する");
  check("it is filed", (await d.text("h1")).includes(its), await d.text());
  const path = d.path();
  await d.open("/applications");
  check("and once", (await d.lines("tbody tr")).filter((line) => line.includes(its)).length === 1);

  await d.signIn("officer");
  await d.open(`${path}/return`);
  await d.fill("points", "金額を確かめてください。");
  await d.pressTwice("補正を依頼する");
  await d.told("補正を依頼しました");
  await d.signIn("vendor_user");
  await d.open(`${path}/resubmit`);
  await d.fill("amount_yen", "60,000");
  await d.press("内容を確かめる");
  await d.pressTwice("補正して提出する");
  await d.told("補正した申請");
  await d.signIn("officer");
  await d.open(`${path}/review`);
  for (const point of ["facilities", "technique", "training", "management"]) await d.choose(point, "適切");
  if (await d.count("#f-all_stand")) await d.tick("all_stand");
  await d.pressTwice("審査を記録する");
  await d.told("審査");

  // Sent back by who decides, and reviewed anew.
  await d.signIn("approver");
  await d.open(path);
  await d.reads("決裁待ち");
  await d.press("担当者に差し戻す");
  await d.fill("reason", "実績を確かめてください。");
  await d.pressTwice("担当者に差し戻す");
  await d.told("差し戻しました");
  await d.signIn("officer");
  await d.open(path);
  await d.reads("実績を確かめてください。");
  await d.press("審査をやり直す");
  await d.pressTwice("審査を記録する");
  await d.told("審査");

  await d.signIn("approver");
  await d.open(`${path}/decision`);
  await d.choose("decision", "承認する");
  await d.fill("reason", "必要と認める。");
  await d.press("内容を確かめる");
  await d.pressTwice("承認する");
  await d.told("決裁を記録しました");
  await d.open(`/contracts/${contract.id}/chain`);
  await d.press("承認を取り消す");
  await d.fill("reason", "体制の不備。");
  await d.press("内容を確かめる");
  await d.pressTwice("承認を取り消す");
  await d.told("取消しを記録しました");

  // Refused, and withdrawn.
  const [refused, withdrawn] = [await file(), await file()];
  await review(refused.id);
  await d.open(`/applications/${refused.id}/decision`);
  await d.choose("decision", "不承認とする");
  await d.fill("reason", "体制が足りない。");
  await d.press("内容を確かめる");
  await d.press("不承認とする");
  await d.reads("体制が足りない。");
  await d.signIn("vendor_user");
  await d.open(`/applications/${withdrawn.id}/withdraw`);
  await d.pressTwice("申請を取り下げる");
  await d.told("取り下げ");
});

export async function two_people_on_one_application(t) {
  const { page, base, check, mayFail } = t;
  const { file, review, consent, ask } = await stage(t);
  const { id } = await file();
  await signIn(t, "approver");
  await sound(t, await page.goto(`${base}/applications/${id}/decision`));
  check("who comes too early is told before typing", (await main(page)).includes("審査がまだ記録されていません") && (await page.locator(field("reason")).count()) === 0);
  await review(id);
  await page.reload();
  await page.check(field("decision"));
  await page.fill(field("reason"), "必要と認める。");
  await press(page, "内容を確かめる");
  await review(id);
  mayFail(409);
  await press(page, "承認する");
  check("who looked at an older version is told", (await main(page)).includes("ほかの人の審査や補正"), await main(page));
  check("and keeps the form", (await page.inputValue(field("reason"))) === "必要と認める。");
  check("axe finds nothing where one comes second", (await t.audit()).length === 0, await t.audit());
  await press(page, "内容を確かめる");
  await consent(id);
  await press(page, "承認する");
  check("who comes after the decision is told so", (await main(page)).includes("すでに決裁されています"), await main(page));
  check("and keeps the form, too", (await page.inputValue(field("reason"))) === "必要と認める。");
  await sound(t, await page.goto(`${base}/applications/${id}/decision`));
  // The vendor withdraws while the officer writes.
  const { id: other } = await file();
  await signIn(t, "officer");
  await page.goto(`${base}/applications/${other}/return`);
  await page.fill(field("points"), "作業場所を書いてください。");
  await ask("vendor_user", "POST", `/applications/${other}/withdraw`, {});
  await press(page, "補正を依頼する");
  check("the officer hears that it was withdrawn, and keeps the words", (await main(page)).includes("取り下げられています") && (await page.inputValue(field("points"))) === "作業場所を書いてください。", await main(page));
  // The vendor is about to withdraw, while it is decided.
  const { id: last } = await file();
  await signIn(t, "vendor_user");
  await page.goto(`${base}/applications/${last}/withdraw`);
  await review(last);
  await consent(last);
  await press(page, "申請を取り下げる");
  check("the vendor hears that it was decided", (await main(page)).includes("決裁"), await main(page));
  await page.goto(`${base}/applications/${last}`);
  check("and it stays so", (await main(page)).includes("承認"), await main(page));
}

export async function applications_as_others_see_them(t) {
  const { page, base, check } = t;
  const { contract, file, review } = await stage(t);
  const { id } = await file();
  await review(id);
  for (const role of ["overseer", "auditor", "officer", "vendor_user"]) {
    await signIn(t, role);
    for (const path of ["/applications", "/applications?state=withdrawn&cursor=", `/applications/${id}`, `/contracts/${contract.id}/chain`]) await sound(t, await page.goto(base + path));
    const acts = await page.locator("main a", { hasText: /決裁する|審査|取り消す/ }).count();
    check(`${role} has no act that is not theirs on the chain`, acts === 0, acts);
  }
  check("the review is the agency's own", !(await page.goto(`${base}/applications/${id}`).then(() => main(page))).includes("要員が少ない"));
  for (const what of ["withdraw", "resubmit"]) await sound(t, await page.goto(`${base}/applications/${id}/${what}`));
  await sound(t, await page.goto(`${base}/contracts/${contract.id}/applications/new`));
}
