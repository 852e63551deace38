// 設定: each topic kept once by keyboard and once with JavaScript off; what can't be read is told at its field.
import { act, press, signIn, sound, unique } from "./lib.mjs";

async function type(page, name, text) {
  await page.focus(`[id="f-${name}"]`);
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  for (const [n, line] of text.split("\n").entries()) {
    if (n > 0) await page.keyboard.press("Enter");
    await page.keyboard.type(line);
  }
}

/** Sends the form of the page from the field that has the focus, or by its button. */
const enter = (page) => Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
const kept = (page) => page.url().endsWith("/settings?done=settings");

export async function settings_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "agency_admin");
  await sound(t, await page.goto(base + "/settings"));
  mayFail(422);
  await sound(t, await page.goto(base + "/settings/days"));
  await type(page, "consent_expiring_days", "６０、来月");
  await type(page, "decision_working_days", "すぐ");
  await enter(page);
  check("both wrong days are told", (await page.locator("#error-summary li").count()) === 2, await page.innerText("main"));
  check("what was typed is still there", (await page.inputValue("#f-consent_expiring_days")) === "６０、来月" && (await page.inputValue("#f-decision_working_days")) === "すぐ");
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  await type(page, "consent_expiring_days", "６０、３０、７");
  await type(page, "decision_working_days", "１０");
  await enter(page);
  check("days are kept", kept(page) && (await page.innerText("main")).includes("60, 30, 7日前"), page.url());
  await sound(t, await page.goto(base + "/settings/severities"));
  await page.focus('[id="f-severities/tier_exceeded"]');
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await enter(page);
  check("gravity is kept", kept(page), page.url());
  await page.goBack();
  check("back is the form", page.url().endsWith("/settings/severities"), page.url());
  await sound(t, await page.goto(base + "/settings/closed-days"));
  await type(page, "closed_days", "R8.12.29\nねんまつ");
  await page.keyboard.press("Tab");
  await enter(page);
  check("the line that can't be read is named", (await page.innerText("#error-summary")).includes("2行目「ねんまつ」"), await page.innerText("main"));
  check("and kept", (await page.inputValue("#f-closed_days")).includes("ねんまつ"));
  await type(page, "closed_days", "R8.12.29\n令和8年12月30日");
  await page.keyboard.press("Tab");
  await enter(page);
  check("closed days are kept", kept(page) && (await page.innerText("main")).includes("2026-12-30"), page.url());
  await sound(t, await page.goto(base + "/settings/words"));
  await type(page, "words/0/word", "再委託状況報告");
  await type(page, "words/0/own", "再委託状況届");
  await enter(page);
  check("words are kept", kept(page) && (await page.innerText("main")).includes("再委託状況届"), page.url());
  await sound(t, await page.goto(base + "/settings/clauses"));
  const rows = await page.locator(".couple").count();
  await page.getByRole("button", { name: "行を増やす" }).focus();
  await type(page, `clauses/${rows - 1}/number`, `追${Date.now()}`);
  await type(page, `clauses/${rows - 1}/text`, "架空の条項");
  await page.getByRole("button", { name: "行を増やす" }).focus();
  await enter(page);
  check("another row is there, with what was typed", (await page.locator(".couple").count()) === rows + 1 && (await page.inputValue(`[id="f-clauses/${rows - 1}/text"]`)) === "架空の条項");
  await page.focus(`[id="f-clauses/${rows - 1}/text"]`);
  await enter(page);
  check("clauses are kept", kept(page) && (await page.innerText("main")).includes("架空の条項"), page.url());
  await sound(t, await page.goto(base + "/settings/desk"));
  await type(page, "telephone", "代表");
  await enter(page);
  check("a telephone that nobody can dial is told at its field", (await page.getAttribute("#f-telephone", "aria-invalid")) === "true");
  await type(page, "desk", "架空契約係");
  await type(page, "telephone", "００－００００－００００");
  await enter(page);
  check("whom vendors ask is kept", kept(page) && (await page.innerText("main")).includes("架空契約係"), page.url());
  await sound(t, await page.goto(base + "/settings/departments/new"));
  await type(page, "name", "架空試験課");
  await type(page, "email", "x");
  await enter(page);
  check("a wrong address is told at its field", (await page.getAttribute("#f-email", "aria-invalid")) === "true" && (await page.inputValue("#f-name")) === "架空試験課");
  await type(page, "email", "shiken@example.jp");
  await enter(page);
  await sound(t, await page.reload());
  check("the department is in the list", (await page.innerText("main")).includes("shiken@example.jp"));
}

export const settings_changed = act(async ({ d, check }) => {
  await d.signIn("agency_admin");
  const keep = async (path, button, fill) => {
    await d.open(path);
    await fill();
    await d.pressTwice(button);
    await d.told("設定を変更しました");
  };
  await keep("/settings/days", "日数を変更する", () => d.fill("declaration_grace_days", "１４"));
  await keep("/settings/severities", "重大度を変更する", () => d.choose("severities/ratio_exceeded", "重大"));
  await keep("/settings/closed-days", "閉庁日を変更する", () => d.fill("closed_days", "R8.12.29\n令和8年12月30日"));
  await d.reads("2026-12-30");
  await keep("/settings/published-names", "名称を変更する", () => d.fill("published_names", "架空市架空局\nR1"));
  await d.reads("架空市架空局");
  await keep("/settings/words", "用語を変更する", () => d.fillAll({ "words/0/word": "", "words/0/own": "" }));
  await keep("/settings/desk", "問合せ先を変更する", () => d.fillAll({ desk: "架空契約係", telephone: "00-0000-0000" }));
  await d.reads("00-0000-0000");
  await d.open("/settings/clauses");
  await d.press("行を増やす");
  const rows = await d.count(".couple");
  await d.fillAll({ [`clauses/${rows - 1}/number`]: `追${unique()}`, [`clauses/${rows - 1}/text`]: "架空の条項" });
  await d.pressTwice("条項を変更する");
  await d.told("設定を変更しました");
  await d.open("/settings/departments/new");
  await d.fillAll({ name: "架空試験課", email: "ka@example.jp", telephone: "00-1111-1111" });
  await d.pressTwice("登録する");
  await d.told("担当部署を登録しました");
  const all = await d.lines("tbody tr");
  check("the department is in the list once", all.filter((line) => line.includes("架空試験課")).length === 1, all);
});

export async function settings_of_two_at_once(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "agency_admin");
  await page.goto(base + "/settings/days");
  const other = await t.plain();
  await signIn(t, "agency_admin", other);
  await other.goto(base + "/settings/days");
  const grace = (await other.inputValue("#f-declaration_grace_days")) === "15" ? "16" : "15";
  await other.fill("#f-declaration_grace_days", grace);
  await press(other, "日数を変更する");
  await other.close();
  mayFail(412);
  await page.fill("#f-declaration_grace_days", "21");
  await press(page, "日数を変更する");
  check("who comes second is told, and keeps what was typed", (await page.innerText("#error-summary")).includes("先に変更しました") && (await page.inputValue("#f-declaration_grace_days")) === "21", await page.innerText("main"));
  await page.goto(base + "/settings/days");
  check("the first one's stands", (await page.inputValue("#f-declaration_grace_days")) === grace);
  await page.click("text=ログアウト");
  await signIn(t, "officer");
  await sound(t, await page.goto(base + "/settings"));
  check("an officer reads and changes nothing", (await page.locator('main a[href="/settings/days"]').count()) === 0);
}
