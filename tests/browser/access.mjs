// 閲覧記録: who opened which contract.
import { contractOf2026, enterKey, signIn, sound, typeInto } from "./lib.mjs";

export async function access_log_by_keyboard(t) {
  const { page, base, check, mayFail } = t;
  const contract = await contractOf2026(t);
  await signIn(t, "officer");
  await page.goto(`${base}/contracts/${contract.id}/chain`);
  await signIn(t, "auditor");
  for (let tries = 0; tries < 40; tries++) {  // looks are written every second
    await page.goto(base + "/access-log");
    if ((await page.innerText("main")).includes("再委託の体制（画面）")) break;  // that of the API may stand there first
    await page.waitForTimeout(250);
  }
  await sound(t, await page.reload());
  const seen = await page.innerText("main");
  check("the look is told with its contract", seen.includes(contract.title) && seen.includes("再委託の体制（画面）"), seen);
  mayFail(422);
  await typeInto(page, "day", "きのう");
  await enterKey(page);
  check("a day that is none is told at its field", (await page.getAttribute("#f-day", "aria-invalid")) === "true", await page.innerText("main"));
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  await sound(t, await page.goto(base + "/access-log?day=2000-01-01"));
  check("an empty list says what to do", (await page.innerText("main")).includes("条件を消す"));
}
