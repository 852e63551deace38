// 変更履歴 of a contract and of one's organization.
import { signIn, sound } from "./lib.mjs";

export async function ledger_of_a_contract(t) {
  const { page, base, check } = t;
  await signIn(t, "officer");
  await page.goto(base + "/contracts");
  await page.locator("tbody a[href^='/contracts/']").first().click();
  await page.getByRole("link", { name: "変更履歴" }).click();
  await page.waitForURL(/\/ledger$/);
  await sound(t, await page.reload());
  check("tells what was done", (await page.innerText("main")).includes("契約を登録した") || (await page.locator("a[rel=next]").count()) === 1);
  for (const summary of ["詳しく", "照合用の値"]) {
    await page.locator("summary", { hasText: summary }).first().focus();
    await page.keyboard.press("Enter");
  }
  check("opens by the keyboard, and shows the whole hash", /[0-9a-f]{64}/.test(await page.locator("details[open]").first().innerText()), await page.locator("details").first().innerText());
  check("axe finds nothing when it is open", (await t.audit()).length === 0, await t.audit());
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check("does not scroll sideways when it is open", over <= 0, over);
}

export async function ledger_without_javascript(t) {
  const { base, check } = t;
  const page = await t.plain();
  await signIn(t, "vendor_user", page);
  await page.goto(base + "/contracts");
  await page.locator("tbody a[href^='/contracts/']").first().click();
  await page.getByRole("link", { name: "変更履歴" }).click();
  await page.waitForURL(/\/ledger$/);
  await page.locator("summary").first().click();
  check("a vendor reads its own, and others' as hashes", (await page.locator("details[open]").count()) === 1);
  await page.close();
}

export async function ledger_of_an_organization(t) {
  const { page, base, check } = t;
  await signIn(t, "agency_admin");
  await page.goto(base + "/settings");
  await page.click("text=設定と利用者の変更履歴");
  await page.waitForURL(/\/organizations\/.*\/ledger$/);
  await sound(t, await page.reload());
  check("tells what was done", (await page.innerText("main")).includes("利用者"), (await page.innerText("main")).slice(0, 300));
}
