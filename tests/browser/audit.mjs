// 検査: planned, done with findings, taken back, seen over a year and by the vendor; by keyboard, and with JavaScript off.
import { act, contractOf2026, follow, reach, signIn, sound } from "./lib.mjs";

export async function audits_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "auditor");
  const contract = await contractOf2026(t);
  await sound(t, await page.goto(`${base}/contracts/${contract.id}/audits`));
  check("an empty list says what is needed", (await page.innerText(".empty")).includes("年度ごと"));
  await follow(page, "検査を計画する");
  await sound(t, await page.reload());
  mayFail(422);
  await reach(page, '[id="f-kind"]');
  await page.keyboard.press("Space");
  await reach(page, '[id="f-due_on"]');
  await page.keyboard.type("令和8年13月1日");
  await reach(page, '[id="f-auditor"]');
  await page.keyboard.type("架空 検査班");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check("a wrong day is told at its field", (await page.getAttribute("#f-due_on", "aria-invalid")) === "true");
  check("what was typed is still there", (await page.inputValue("#f-auditor")) === "架空 検査班" && (await page.isChecked("#f-kind")));
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  await reach(page, '[id="f-due_on"]');
  await page.keyboard.press("Control+A");
  await page.keyboard.type("Ｒ９.１.３１");
  await reach(page, '[id="f-every_months"]');
  await page.keyboard.type("１２");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check("the plan is told", (await page.innerText("[role=status]")).includes("計画に入れました"));
  await sound(t, await page.reload());
  const audit = page.url().replace(/\?.*/, "");

  const today = (await page.innerText(".clock strong")).slice(0, 10);
  await follow(page, "結果を記録する");
  await sound(t, await page.reload());
  await reach(page, '[id="f-done_on"]');
  await page.keyboard.type(today);
  await reach(page, '[id="f-result"]');
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  if (!(await page.isChecked("#f-result-2"))) await page.keyboard.press("ArrowDown");
  await follow(page, "内容を確かめる");
  check("findings are asked for", (await page.locator('#error-summary a[href="#f-findings"]').count()) === 1, await page.innerText("main"));
  check("axe finds nothing in the form's error state", (await t.audit()).length === 0, await t.audit());
  await reach(page, '[id="f-findings/0/text"]');
  await page.keyboard.type("入退室の記録がない（試験）");
  await reach(page, '[id="f-findings/0/severity"]');
  await page.keyboard.type("重大");
  await reach(page, '[id="f-findings/0/due_on"]');
  await page.keyboard.type("2027-03-01");
  await follow(page, "指摘の欄を増やす");
  check("another row is there", (await page.locator('[id="f-findings/1/text"]').count()) === 1);
  check("and the first is still filled", (await page.inputValue('[id="f-findings/0/text"]')).includes("入退室"));
  await reach(page, '[id="f-findings/1/text"]');
  await page.keyboard.type("施錠の記録がない（試験）");
  await reach(page, '[id="f-findings/1/severity"]');
  await page.keyboard.type("軽微");
  await reach(page, '[id="f-findings/1/due_on"]');
  await page.keyboard.type("R9.3.1");
  await follow(page, "内容を確かめる");
  const shown = await page.innerText("main");
  check("both findings are shown before anything is done", /1\. 入退室/.test(shown) && /2\. 施錠/.test(shown), shown);
  check("axe finds nothing where answers are checked", (await t.audit()).length === 0, await t.audit());
  await follow(page, "結果を記録する");
  check("the result is told", (await page.innerText("[role=status]")).includes("検査の結果を記録しました"), await page.innerText("main"));
  await page.goto(`${base}/contracts/${contract.id}/audits`);
  check("the next one is planned", (await page.innerText("main")).includes("2028-01-31"), await page.innerText("main"));
  check("the findings are listed", (await page.innerText("main")).includes("施錠の記録がない"));
  await sound(t, await page.goto(audit));
  mayFail(409);
  await sound(t, await page.goto(audit + "/complete"));
  check("one that is done is not done again", (await page.locator("main form.form").count()) === 0);
}

export const audits_planned_done_and_taken_back = act(async (t) => {
  const { d, check } = t;
  const contract = await contractOf2026(t), list = `/contracts/${contract.id}/audits`;
  await d.signIn("officer");
  const plan = async (kind, unannounced = false) => {
    await d.open(`${list}/new`);
    await d.choose("kind", kind);
    if (unannounced) await d.tick("unannounced");
    await d.fill("due_on", "2027/2/28");
    await d.pressTwice("計画する");
    await d.told("計画に入れました");
  };
  await plan("実地検査");
  const today = (await d.text(".clock strong")).slice(0, 10);
  await d.press("結果を記録する");
  await d.fill("done_on", today);
  await d.choose("result", "適正");
  await d.press("内容を確かめる");
  await d.pressTwice("結果を記録する");
  await d.told("検査の結果を記録しました");
  await d.press("結果を訂正する");
  check("what is recorded stands in the form", (await d.value("done_on")).startsWith(today), await d.value("done_on"));
  await d.choose("result", "指摘あり");
  await d.fillAll({ "findings/0/text": "鍵の管理簿がない（試験）", "findings/0/severity": "軽微", "findings/0/due_on": "2027/3/31", reason: "結果の書き誤り（試験）" });
  await d.press("内容を確かめる");
  await d.pressTwice("結果を訂正する");
  await d.told("検査の結果を訂正しました");
  await d.reads("結果の書き誤り");
  await d.reads("未確認");
  await d.press("是正の確認を記録する");
  await d.tick("finding_ids");
  await d.fillAll({ confirmed_on: today, note: "管理簿の写しを受け取った（試験）" });
  await d.press("内容を確かめる");
  await d.pressTwice("是正の確認を記録する");
  await d.told("是正の確認を記録しました");
  await d.reads("管理簿の写しを受け取った");
  await plan("書面検査", true);
  await d.reads("結果を記録するまで、事業者には表示しません");
  await d.press("計画を取り消す");
  await d.fill("reason", "契約の取り違え（試験）");
  await d.press("内容を確かめる");
  await d.press("計画を取り消す");
  await d.told("取り消しました");
  await d.reads("契約の取り違え");
  await d.open(list);
  await d.reads("全2件を表示しています");
});

export async function a_plan_taken_back_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "officer");
  const contract = await contractOf2026(t);
  await page.goto(`${base}/contracts/${contract.id}/audits/new`);
  await reach(page, '[id="f-kind"]');
  await page.keyboard.press("Space");
  await reach(page, '[id="f-due_on"]');
  await page.keyboard.type("2027-02-28");
  await follow(page, "計画する");
  const audit = page.url().replace(/\?.*/, "");
  await follow(page, "計画を取り消す");
  await sound(t, await page.reload());
  mayFail(422);
  await follow(page, "内容を確かめる");
  check("a reason is asked for", (await page.getAttribute("#f-reason", "aria-invalid")) === "true");
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  await reach(page, '[id="f-reason"]');
  await page.keyboard.type("誤って計画した（試験）");
  await follow(page, "内容を確かめる");
  // The second press comes before the answer to the first.
  await page.getByRole("button", { name: "計画を取り消す" }).dblclick({ noWaitAfter: true });
  await page.waitForFunction(() => location.search.includes("done=cancelled"));
  await sound(t, await page.goto(audit));
  check("it is shown as taken back", (await page.innerText("main")).includes("誤って計画した"));
}

export async function audits_of_a_year(t) {
  const { page, base, check } = t;
  for (const role of ["officer", "vendor_user", "overseer"]) {
    await page.context().clearCookies();
    await signIn(t, role);
    await sound(t, await page.goto(base + "/audits?fiscal_year=2026"));
    check(`${role} reads how much is planned and done`, /うち実施済み/.test(await page.innerText(".counts")));
    check(`${role} is told of contracts without one, or is not asked`, (await page.innerText(".counts")).includes("予定がない契約") === (role !== "vendor_user"));
    await Promise.all([page.waitForNavigation(), page.click("a[rel=next]")]);
    check("the year after follows", (await page.innerText("h1")).includes("2027年度"));
    await sound(t, await page.goto(base + "/audits?fiscal_year=2050"));
    check("an empty year says so", (await page.locator(".empty").count()) === 1);
  }
}

export const audits_planned_for_many = act(async ({ d, check }) => {
  await d.signIn("auditor");
  await d.open("/audits/many");
  await d.choose("kind", "書面検査");
  await d.fillAll({ due_on: "2027-02-28" });
  await d.press("下の契約をすべて選ぶ");
  await d.press("内容を確かめる");
  check("the contracts are named", (await d.text("main")).includes("計画する契約"), await d.text("main"));
  await d.pressTwice("計画する");
  await d.told("検査を計画しました");
});
