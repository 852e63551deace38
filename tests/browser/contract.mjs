// 契約: registered, narrowed, amended, ended, handed over, imported; by keyboard, and with JavaScript off.
import { act, press, signIn, sound, unique } from "./lib.mjs";

/** Types into the fields in the order of the keyboard, from the one that has the focus. */
async function type(page, name, text) {
  await page.focus(`[id="f-${name}"]`);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
}

const terms = {
  title: "架空の受付業務（試験）", amount_yen: "１２，０００，０００", signed_on: "Ｒ８.４.１", starts_on: "令和8年4月1日",
  ends_on: "2027/3/31", scope: "架空の窓口の受付。", "persons/personal": "１０００", "persons/my_number": "100",
};
const number = () => `試験-${unique()}`;

async function fill(page, values) {
  for (const [name, text] of Object.entries(values)) await type(page, name, text);
}

/** Registers a contract and answers the address of its page. */
async function toRegister(page, base, its) {
  await page.goto(base + "/contracts/new");
  await page.selectOption('[id="f-vendor_id"]', { index: 1 });
  await fill(page, { number: its, ...terms });
  await press(page, "内容を確かめる");
}

async function register(page, base, its) {
  await toRegister(page, base, its);
  await press(page, "この内容で登録する");
  return page.url().replace(/\?.*/, "");
}

export async function contract_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "officer");
  await sound(t, await page.goto(base + "/contracts/new"));
  mayFail(422);
  // The Enter key in a field sends the form, not a search.
  await page.focus('[id="f-number"]');
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check("what is missing is named in the title", (await page.title()).startsWith("エラー: "), await page.title());
  check("and linked in the summary", (await page.locator('#error-summary a[href="#f-title"]').count()) === 1);
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  const its = number();
  await page.focus('[id="f-vendor_id"]');
  await page.keyboard.press("ArrowDown");
  await fill(page, { number: its, ...terms, ends_on: "2025-03-31" });
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Control+Enter").then(() => page.focus('[id="f-title"]')).then(() => page.keyboard.press("Enter"))]);
  check("a wrong period is told at its field", (await page.getAttribute('[id="f-ends_on"]', "aria-invalid")) === "true");
  check("what was typed is still there", (await page.inputValue('[id="f-amount_yen"]')) === terms.amount_yen, await page.inputValue('[id="f-amount_yen"]'));
  await type(page, "ends_on", terms.ends_on);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check("the answers are shown before anything is done", /12,000,000円/.test(await page.innerText("main")) && /令和9年3月31日/.test(await page.innerText("main")), await page.innerText("main"));
  check("axe finds nothing where answers are checked", (await t.audit()).length === 0, await t.audit());
  await press(page, "入力に戻る");
  check("back from the check all is still there", (await page.inputValue('[id="f-number"]')) === its);
  await press(page, "内容を確かめる");
  // The second press comes before the answer to the first.
  await page.getByRole("button", { name: "この内容で登録する" }).dblclick({ noWaitAfter: true });
  await page.waitForFunction(() => location.search.includes("done=contract"));
  check("the contract has its page", (await page.innerText("h1")).includes(its) && (await page.innerText("[role=status]")).includes("登録しました"));
  await sound(t, await page.reload());
  // Asked once more on a new form, it is refused in words before it is looked at, and nothing typed is lost.
  mayFail(409);
  await toRegister(page, base, its);
  check("to register it again is refused in words", (await page.innerText("#error-summary")).includes("契約番号"), await page.innerText("main"));
  check("and what was typed is still there", (await page.inputValue('[id="f-number"]')) === its);
  await page.goto(`${base}/contracts?q=${encodeURIComponent(its)}`);
  check("it was registered once", (await page.locator("tbody tr").count()) === 1);
  await sound(t, await page.goto(`${base}/contracts?q=${encodeURIComponent("そのような契約はない")}`));
  check("an empty list says what to do", (await page.innerText("main")).includes("条件を消す"));
}

export async function contract_changed_and_ended(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "officer");
  const its = number();
  const address = await register(page, base, its);
  await sound(t, await page.goto(address + "/amend"));
  check("the terms of today stand in the form", (await page.inputValue('[id="f-amount_yen"]')) === "12,000,000");
  mayFail(422);
  await fill(page, { effective_on: "R8.6.1", reason: "金額の変更（試験）" });
  await press(page, "内容を確かめる");
  check("nothing changed is told", (await page.innerText("#error-summary")).includes("1つ以上"), await page.innerText("#error-summary"));
  await fill(page, { amount_yen: "13000000" });
  await press(page, "内容を確かめる");
  check("only what changes is shown", !(await page.innerText("main")).includes("架空の窓口"), await page.innerText("main"));
  await press(page, "変更契約を登録する");
  check("the change is told", (await page.innerText("[role=status]")).includes("変更契約"));
  await sound(t, await page.goto(address + "/department"));
  await page.selectOption('[id="f-department"]', { index: 1 });
  await press(page, "改める");
  check("the department is told", (await page.innerText("[role=status]")).includes("担当部署"), await page.innerText("main"));

  await signIn(t, "approver");
  await sound(t, await page.goto(address + "/terminate"));
  await fill(page, { effective_on: "2020-01-01", reason: "誤り" });
  await press(page, "内容を確かめる");
  check("a day before the start is told at its field", (await page.getAttribute('[id="f-effective_on"]', "aria-invalid")) === "true");
  await fill(page, { effective_on: "令和8年12月1日", reason: "受託者の都合（試験）" });
  await press(page, "内容を確かめる");
  await press(page, "契約を終了する");
  check("the end is shown", (await page.innerText("main")).includes("2026-11-30"), await page.innerText("main"));
}

export async function contract_handed_over(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "agency_admin");
  await page.goto(base + "/contracts");
  await page.locator("tbody a").first().click();
  await page.waitForURL(/contracts\/[0-9a-f-]+$/);
  const address = page.url();
  await sound(t, await page.goto(address + "/handover"));
  mayFail(422);
  await press(page, "内容を確かめる");
  check("nobody chosen is told at the field", (await page.getAttribute('[id="f-officer_id"]', "aria-invalid")) === "true");
  await page.selectOption('[id="f-officer_id"]', { index: 1 });
  await press(page, "内容を確かめる");
  check("axe finds nothing on what is to be confirmed", (await t.audit()).length === 0, await t.audit());
  await press(page, "引き継ぐ");
  check("the handover is told", (await page.innerText("[role=status]")).includes("引き継ぎました"));
  await sound(t, await page.goto(base + "/contracts/handover/coming"));
  await sound(t, await page.goto(base + "/contracts/handover"));
  await Promise.all([page.waitForNavigation(), page.locator("tbody a").first().press("Enter")]);
  check("axe finds nothing on the contracts of one", (await t.audit()).length === 0, await t.audit());
  await press(page, "内容を確かめる");
  check("nothing chosen is told", (await page.locator("#error-summary").count()) === 1, await page.innerText("main"));
  await page.selectOption('[id="f-officer_id"]', { index: 1 });
  await press(page, "まだ選んでいない契約すべてに入れる");
  check("all are chosen", (await page.locator('[id="f-assignments/0/officer_id"]').inputValue()) !== "");
  await page.selectOption('[id="f-assignments/0/officer_id"]', { index: 0 });
  await page.fill('[id="f-from"]', "2030-04-01");
  await press(page, "内容を確かめる");
  check("whom and what is shown", (await page.innerText("main")).includes("引き継がない契約") && (await page.innerText("main")).includes("2030-04-01"), await page.innerText("main"));
  await page.press("button[name=_again]", "Enter");
  await page.waitForLoadState();
  check("the choice is kept on the way back", (await page.inputValue('[id="f-from"]')) === "2030-04-01");
}

export async function contract_import(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "officer");
  await sound(t, await page.goto(base + "/contracts/import"));
  mayFail(422);
  await press(page, "読み込んで確かめる");
  check("no file chosen is told at the field", (await page.getAttribute('[id="f-file"]', "aria-invalid")) === "true");
  const template = await page.request.get(base + "/contracts/import-template.csv");
  const [head, row] = (await template.text()).trim().split(/\r?\n/);
  const first = row.split(",")[0];
  const good = row.replace(first, number()), bad = row.replace(first, number()).replace(/\d{4}-\d{2}-\d{2}/, "2026-13-45");
  await page.setInputFiles('[id="f-file"]', { name: "契約.csv", mimeType: "text/csv", buffer: Buffer.from([head, good, bad].join("\r\n")) });
  await press(page, "読み込んで確かめる");
  check("each bad cell is shown before anything is written", (await page.innerText("main")).includes("まだ取り込んでいません") && (await page.locator("tbody tr").count()) >= 1, await page.innerText("main"));
  await sound(t, await page.reload());
  await press(page, /誤りのない1件だけを取り込む/);
  check("the good row was taken in", (await page.innerText("[role=status]")).includes("1件"), await page.innerText("main"));
  mayFail(404);
  await page.goBack();
  check("a second time nothing is left to take", (await page.innerText("#error-summary")).includes("取り込み済み"), await page.innerText("main"));
  await page.setInputFiles('[id="f-file"]', { name: "x.csv", mimeType: "text/csv", buffer: Buffer.from([0xff, 0xfe, 0, 0, 1]) });
  await press(page, "読み込んで確かめる");
  check("a file that is none says so", (await page.locator("#error-summary").count()) === 1);
}

/** The whole of a file that a link gives to keep. */
const kept = async (page, name) => {
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).press("Enter")]);
  const chunks = [];
  for await (const chunk of await file.createReadStream()) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8").trim().split(/\r?\n/);
};

export async function contract_import_shows_its_rows(t) {
  const { page, base, check } = t;
  await signIn(t, "officer");
  await page.goto(base + "/contracts/import");
  const its = number();
  const head = "契約番号,件名,受託者名,契約金額（円）,契約日,開始日,終了日,,";
  const row = (n, vendor = `架空第${n}商会`) => `${its}-${n},架空の取込み${n},${vendor},"1,000",20260401,2026/04/01 0:00,2027年3月31日（水）,,`;
  const rows = Array.from({ length: 101 }, (_, n) => row(n + 1));
  const text = ["令和8年度契約一覧,,,,,,,,", head, ...rows, row(102, "同上"), rows[0], "合計,,,101000,,,,,"].join("\r\n");
  await page.setInputFiles('[id="f-file"]', { name: "契約.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
  await press(page, "読み込んで確かめる");
  await sound(t, await page.reload());
  const table = (label) => page.getByRole("region", { name: label, exact: true }).locator("tbody tr");
  check("the first rows are shown with what becomes of them", (await table("行ごとの扱い").count()) === 100 && (await table("行ごとの扱い").first().innerText()).includes("取り込む"), await table("行ごとの扱い").count());
  check("new vendors are shown by name", (await table("新しく登録する事業者").first().innerText()).includes("架空第1商会"));
  check("the bad cell is shown", (await table("誤りの一覧").count()) === 1 && (await table("誤りの一覧").innerText()).includes("同上"), await page.innerText("main"));
  check("what was passed over is told", (await table("注意の一覧").allInnerTexts()).join().includes("見出しより上の1行"), await table("注意の一覧").allInnerTexts());
  const all = await kept(page, "全部の行（CSV）");
  check("all rows can be kept", all.length === 104 && all[1].includes("架空の取込み1") && all.at(-1).includes("3行目と同じ"), all.slice(-2));
  check("so can the vendors", (await kept(page, "新しく登録する事業者（CSV）")).length === 102);
  check("and the notices", (await kept(page, "注意の一覧（CSV）")).length === 3);
  check("and the errors", (await kept(page, "誤りの一覧（CSV）")).length === 2);
  await Promise.all([page.waitForNavigation(), page.getByRole("link", { name: "次のページ" }).press("Enter")]);
  check("the next page has the rest", (await table("行ごとの扱い").count()) === 3, await page.innerText("main"));
  check("axe finds nothing there", (await t.audit()).length === 0, await t.audit());
  // Another tab's file does not take this one's place.
  const other = await page.context().newPage();
  await other.goto(base + "/contracts/import");
  await other.setInputFiles('[id="f-file"]', { name: "別.csv", mimeType: "text/csv", buffer: Buffer.from([head, row(200)].join("\r\n")) });
  await press(other, "読み込んで確かめる");
  await press(other, "1件を取り込む");
  await other.close();
  await press(page, /誤りのない101件だけを取り込む/);
  check("they are taken in", (await page.innerText("[role=status]")).includes("101件"), await page.innerText("main"));
}

export async function contract_import_of_a_published_file(t) {
  const { page, base, check } = t;
  await signIn(t, "officer");
  await page.goto(base + "/contracts/import");
  const its = number();
  const text = `法人番号,商号または名称,登記住所,受注日,件名,落札価格,組織名,備考,更新日\r\n9000000000000,,,2026-04-01,架空の公表${its},1000,例示省,,\r\n`;
  await page.setInputFiles('[id="f-file"]', { name: "調達.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
  await press(page, "読み込んで確かめる");
  await sound(t, await page.reload());
  check("another agency's rows are named and not taken", (await page.innerText("main")).includes("例示省") && (await page.innerText("main")).includes("新しく取り込む契約はありません"), await page.innerText("main"));
  await Promise.all([page.waitForNavigation(), page.getByRole("link", { name: "ほかの機関の行も取り込む" }).press("Enter")]);
  check("on request they are", (await page.getByRole("button", { name: "1件を取り込む" }).count()) === 1 && (await page.innerText("main")).includes(its), await page.innerText("main"));
}

export const contracts_registered_changed_and_ended = act(async ({ d, check }) => {
  const its = number();
  await d.signIn("officer");
  await d.open("/contracts/new");
  await d.choose("vendor_id", 1);
  await d.fillAll({ number: its, ...terms });
  await d.press("内容を確かめる");
  await d.back();
  check("the back button leads to the form", (await d.text("h1")) === "契約の登録", await d.text("h1"));
  await d.choose("vendor_id", 1);
  await d.fillAll({ number: its, ...terms });
  await d.press("内容を確かめる");
  await d.pressTwice("この内容で登録する");
  await d.told("登録しました");
  const contract = d.path();
  await d.open(`/contracts?q=${encodeURIComponent(its)}`);
  check("it is registered once", (await d.count("tbody tr")) === 1);
  await d.open(contract + "/amend");
  await d.fillAll({ effective_on: (await d.text(".clock strong")).slice(0, 10), reason: "件名の変更（試験）", title: "架空の新しい件名（試験）" });
  await d.press("内容を確かめる");
  await d.pressTwice("変更契約を登録する");
  await d.told("変更契約を登録しました");
  check("the new title is shown", (await d.text("h1")).includes("架空の新しい件名"), await d.text("h1"));
  // A change to come is taken back; a slip is corrected.
  await d.open(contract + "/amend");
  await d.fillAll({ effective_on: "R8.12.1", reason: "増額（試験）", amount_yen: "15000000" });
  await d.press("内容を確かめる");
  await d.reads("12,000,000円 → 15,000,000円");
  await d.press("変更契約を登録する");
  await d.told("変更契約を登録しました");
  await d.reads("これから効力が生じる");
  await d.open(contract + "/amendments/withdraw");
  await d.fillAll({ reason: "合意の撤回（試験）" });
  await d.pressTwice("この変更契約を取り消す");
  await d.told("変更契約を取り消しました");
  await d.open(contract + "/amendments/correct");
  await d.fillAll({ reason: "桁の誤り（試験）", amount_yen: "1200000" });
  await d.press("内容を確かめる");
  await d.reads("12,000,000円 → 1,200,000円");
  await d.pressTwice("訂正する");
  await d.told("契約条件を訂正しました");
  await d.open(contract + "/department");
  await d.choose("department", 1);
  await d.press("改める");
  await d.told("担当部署");

  await d.signIn("agency_admin");
  await d.open(contract + "/handover");
  await d.choose("officer_id", 1);
  await d.press("内容を確かめる");
  await d.pressTwice("引き継ぐ");
  await d.told("引き継ぎました");
  await d.open("/contracts/handover");
  await d.follow((await d.hrefs("tbody a"))[0]);
  await d.choose("assignments/0/officer_id", 1);
  await d.fillAll({ from: "2030-04-01" });
  await d.press("内容を確かめる");
  await d.reads("あわせて1件");
  await d.pressTwice("引き継ぐ");
  await d.told("1件の契約の引継ぎを登録しました");
  await d.press("予定している引継ぎを見る・取りやめる");
  await d.press("下の引継ぎをすべて選ぶ");
  await d.fillAll({ reason: "発令の延期（試験）" });
  await d.press("内容を確かめる");
  await d.pressTwice("引継ぎを取りやめる");
  await d.told("引継ぎを取りやめました");
  await d.open(contract + "/handover");
  await d.choose("officer_id", 2);
  await d.fillAll({ from: "2030-04-01" });
  await d.press("内容を確かめる");
  await d.press("引き継ぐ");
  await d.open(contract + "/handover/withdraw");
  await d.fillAll({ reason: "発令の延期（試験）" });
  await d.press("内容を確かめる");
  await d.pressTwice("引継ぎを取りやめる");
  await d.told("取りやめました");

  await d.signIn("approver");
  await d.open(contract + "/terminate");
  await d.fillAll({ effective_on: "令和8年12月1日", reason: "受託者の都合（試験）" });
  await d.press("内容を確かめる");
  await d.pressTwice("契約を終了する");
  await d.reads("2026-11-30");
});

export const contracts_imported = act(async ({ d }) => {
  await d.signIn("officer");
  const [head, row] = (await d.read("/contracts/import-template.csv")).trim().split(/\r?\n/);
  const its = number();
  await d.open("/contracts/import");
  await d.upload("file", { name: "契約.csv", mimeType: "text/csv", buffer: Buffer.from([head, row.replace(row.split(",")[0], its)].join("\r\n")) });
  await d.press("読み込んで確かめる");
  await d.reads("まだ取り込んでいません");
  await d.press("1件を取り込む");
  await d.told("1件の契約を取り込みました");
  await d.open(`/contracts?q=${encodeURIComponent(its)}`);
  await d.reads(its);
});

export const contracts_taken_back = act(async ({ d, check, mayFail }) => {
  const its = number();
  await d.signIn("officer");
  await d.open("/contracts/new");
  await d.choose("vendor_id", 1);
  await d.fillAll({ number: its, ...terms });
  await d.press("内容を確かめる");
  await d.press("この内容で登録する");
  await d.told("登録しました");
  const contract = d.path();
  const [head, row] = (await d.read("/contracts/import-template.csv")).trim().split(/\r?\n/);
  const other = number();
  await d.open("/contracts/import");
  await d.upload("file", { name: "契約.csv", mimeType: "text/csv", buffer: Buffer.from([head, row.replace(row.split(",")[0], other)].join("\r\n")) });
  await d.press("読み込んで確かめる");
  await d.press("1件を取り込む");
  await d.told("1件の契約を取り込みました");

  await d.signIn("approver");
  await d.open(contract + "/void");
  mayFail(422);
  await d.press("内容を確かめる");
  check("no reason is told at its field", (await d.count("#error-summary")) === 1);
  await d.fillAll({ reason: "受託者の誤り（試験）" });
  await d.press("内容を確かめる");
  await d.pressTwice("登録を取り消す");
  await d.told("取り消しました");
  await d.reads("受託者の誤り（試験）");
  await d.open(`/contracts?q=${encodeURIComponent(its)}`);
  check("it stands in no list", (await d.count("tbody tr")) === 0);
  await d.open(`/contracts?status=voided&q=${encodeURIComponent(its)}`);
  check("but where such are asked for", (await d.count("tbody tr")) === 1);
  await d.open("/contracts/imports");
  await d.follow((await d.hrefs("tbody a"))[0]);
  await d.reads(other);
  await d.open(d.path() + "/undo");
  await d.fillAll({ reason: "機関の誤り（試験）" });
  await d.press("内容を確かめる");
  await d.pressTwice("取込みを取り消す");
  await d.told("取込みを取り消しました");
  await d.open(`/contracts?q=${encodeURIComponent(other)}`);
  check("nothing of the file stands in a list", (await d.count("tbody tr")) === 0);
});

export async function contract_form_outlives_its_session(t) {
  const { page, base, check, logins, mayFail } = t;
  await signIn(t, "officer");
  await page.goto(base + "/contracts/new");
  await fill(page, { number: number(), ...terms });
  // The session ends meanwhile: the cookie is gone.
  await page.context().clearCookies();
  mayFail(401);
  await press(page, "内容を確かめる");
  check("the login says that what was typed waits", (await page.innerText("main")).includes("入力していた内容"), await page.innerText("main"));
  check("axe finds nothing there", (await t.audit()).length === 0, await t.audit());
  const officer = logins.find((one) => one.role === "officer");
  await page.fill("#f-email", officer.email);
  await page.fill("#f-password", officer.password);
  await press(page, "ログイン");
  check("axe finds nothing on the way back", (await t.audit()).length === 0, await t.audit());
  await press(page, "入力に戻る");
  check("the typed values are back", (await page.inputValue('[id="f-title"]')) === terms.title && (await page.inputValue('[id="f-persons/personal"]')) === terms["persons/personal"]);
}
