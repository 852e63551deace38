// 事業者 and 機関: registered, found, changed.
import { act, enterKey, press, reach, signIn, sound, typeInto, unique } from "./lib.mjs";

const someone = () => `架空登録${unique()}株式会社（試験）`;

export async function vendor_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  const name = someone();
  await signIn(t, "officer");
  await sound(t, await page.goto(base + "/vendors"));
  await reach(page, '[href="/vendors/new"]');
  await enterKey(page);
  await sound(t, await page.reload());
  mayFail(422);
  await typeInto(page, "corporate_number", "１２３４５６７８９０１２３");
  await enterKey(page);
  check("name and number are told at their fields", (await page.locator(".field.wrong").count()) === 2, await page.innerText("main"));
  check("what was typed is still there", (await page.inputValue("#f-corporate_number")) === "１２３４５６７８９０１２３");
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  await typeInto(page, "name", name);
  await typeInto(page, "corporate_number", " ");
  await page.selectOption('[id="f-country"]', { label: "日本" });
  await typeInto(page, "address", "架空県架空市1-1");
  await enterKey(page);
  check("the vendor has its page", (await page.innerText("h1")) === name && (await page.innerText("[role=status]")).includes("登録しました"), await page.innerText("main"));
  await sound(t, await page.reload());
  mayFail(409);
  await page.goto(base + "/vendors/new");
  await typeInto(page, "name", name);
  await enterKey(page);
  check("another of the same name is asked about", (await page.innerText("#error-summary")).includes("別の事業者"), await page.innerText("main"));
  await reach(page, "#f-distinct");
  await page.keyboard.press("Space");
  await reach(page, "main .form > button");
  await enterKey(page);
  check("and registered where it is said so", (await page.innerText("h1")) === name);
  await page.goto(base + "/vendors");
  await typeInto(page, "q", name);
  await enterKey(page);
  check("the list is narrowed by the name", (await page.locator("tbody tr").count()) === 2, await page.locator("tbody tr").count());
  await sound(t, await page.goto(base + "/vendors?q=" + encodeURIComponent("そのような事業者はない")));
  check("an empty list says what to do", (await page.innerText("main")).includes("条件を消す"));
}

export const organizations_registered_and_changed = act(async (t) => {
  const { d, check } = t;
  const name = someone(), code = `T${unique()}`;
  await d.signIn("officer");
  await d.open("/vendors/new");
  await d.fill("name", name);
  await d.pressTwice("事業者を登録する");
  await d.told("事業者を登録しました");
  const vendor = d.path();
  await d.open("/vendors?q=" + encodeURIComponent(name));
  check("a vendor is registered once", (await d.count("tbody tr")) === 1);
  await d.signIn("system_admin");
  await d.open("/organizations/new");
  await d.fillAll({ name: "架空試験庁", code });
  await d.pressTwice("機関を登録する");
  await d.told("機関を登録しました");
  for (const path of [vendor, d.path()]) {
    await d.open(path + "/edit");
    await d.fill("address", "架空県庁前1");
    await d.press("変更する");
    await d.told("登録した内容を変更しました");
    await d.reads("架空県庁前1");
  }
});

export const a_vendor_merged_into_another = act(async (t) => {
  const { d, check, mayFail } = t;
  const names = [someone(), someone()], made = [];
  await d.signIn("officer");
  for (const name of names) {
    await d.open("/vendors/new");
    await d.fill("name", name);
    await d.press("事業者を登録する");
    made.push(d.path());
  }
  await d.open(made[0]);
  await d.press("別の事業者に統合する");
  mayFail(422);
  await d.press("内容を確かめる");
  check("both are asked for", (await d.count(".field.wrong")) === 2, await d.text());
  await d.fill("vendor_q", names[1]);
  await d.press("さがす");
  await d.choose("into", names[1]);
  await d.fill("reason", "電話で確かめた");
  await d.press("内容を確かめる");
  await d.reads(names[1]);
  await d.press("統合する");
  await d.told("事業者を統合しました");
  check("it leads to the other", d.path() === made[1], d.path());
  await d.open(made[0]);
  await d.reads("別の事業者に統合されています");
  check("it can't be merged again", !(await d.text()).includes("別の事業者に統合する"));
});

export async function organizations_of_the_system_admin(t) {
  const { page, base, check, mayFail, plain } = t;
  const code = `T${unique()}`;
  await signIn(t, "system_admin");
  await sound(t, await page.goto(base + "/organizations"));
  await reach(page, '[href="/organizations/new"]');
  await enterKey(page);
  await sound(t, await page.reload());
  mayFail(422);
  await typeInto(page, "name", "架空試験庁");
  await enterKey(page);
  check("an agency needs its code", (await page.getAttribute("#f-code", "aria-invalid")) === "true");
  await typeInto(page, "code", code);
  await enterKey(page);
  check("the agency has its page", (await page.innerText("main")).includes(code) && (await page.innerText("[role=status]")).includes("機関を登録しました"), await page.innerText("main"));
  await sound(t, await page.reload());
  const address = page.url().replace(/\?.*/, "");
  await sound(t, await page.goto(address + "/edit"));
  // Meanwhile the same is changed in another window, which runs no script.
  const other = await plain();
  await signIn(t, "system_admin", other);
  await other.goto(address + "/edit");
  await other.fill("#f-address", "架空県庁前1");
  await press(other, "変更する");
  check("it is changed", (await other.innerText("main")).includes("架空県庁前1") && other.url().endsWith("done=organization"), other.url());
  await other.close();
  mayFail(412);
  await typeInto(page, "name", "架空試験局");
  await enterKey(page);
  check("who was second is told so", (await page.innerText("#error-summary")).includes("ほかの人が先に変更しました"), await page.innerText("main"));
  check("and what was typed is still there", (await page.inputValue("#f-name")) === "架空試験局");
  check("axe finds nothing where it is refused", (await t.audit()).length === 0, await t.audit());
  await page.goto(address + "/edit");
  await typeInto(page, "name", "架空試験局");
  await enterKey(page);
  check("looked at anew it is changed", (await page.innerText("h1")) === "架空試験局");
  await sound(t, await page.goto(base + "/vendors"));
}
