// The demonstration's own pages: tour, clock, mail.
import { act, press, signIn, sound, tabTo } from "./lib.mjs";

const next = (day, n = 1) => new Date(Date.parse(day) + n * 86_400_000).toISOString().slice(0, 10);

export async function demo_tour(t) {
  const { page, base, check } = t;
  await page.goto(base + "/");
  check("the keyboard reaches the tour", await tabTo(page, "/demo/tour"));
  await Promise.all([page.waitForURL(base + "/demo/tour"), page.keyboard.press("Enter")]);
  await sound(t, await page.reload());
  check("has six steps", (await page.locator(".tour > li").count()) === 6);
  const steps = await page.locator(".tour > li form").count();
  check("each with a login", steps === 6, steps);
  // Each leads to the one page to look at, not to a list of them.
  const places = [/^\/home$/, /^\/alerts\/[0-9a-f-]{36}$/, /^\/applications\/[0-9a-f-]{36}$/, /^\/contracts\/[0-9a-f-]{36}\/declarations\/new$/, /^\/audits\/[0-9a-f-]{36}$/, /^\/contracts\/[0-9a-f-]{36}\/ledger$/];
  for (let n = 0; n < steps; n += 1) {
    await page.goto(base + "/demo/tour");
    await page.locator(".tour > li form").nth(n).locator("button").focus();
    await Promise.all([page.waitForURL((url) => url.searchParams.get("tour") === `${n + 1}`), page.keyboard.press("Enter")]);
    await page.waitForSelector("h1");
    check(`step ${n + 1} shows its page`, places[n].test(new URL(page.url()).pathname) && (await page.locator(".who").count()) === 1 && (await page.locator("h1").count()) === 1, page.url());
    await sound(t, await page.reload());
    const told = await page.innerText(".tour-step");
    check("says which step it is, what to see and what to try", told.includes(`${n + 1}/6`) && told.includes("見るところ") && told.includes("してみること"), told);
  }
  await page.goto(base + "/demo/tour");
  await press(page, "（1. 今日、手を打つことがひと目で分かる）");
  for (let n = 2; n <= steps; n += 1) {
    await page.locator(".tour-step form button").focus();
    await Promise.all([page.waitForURL((url) => url.searchParams.get("tour") === `${n}`), page.keyboard.press("Enter")]);
    check(`from one step to the next: ${n}`, (await page.innerText(".tour-step")).includes(`${n}/6`), page.url());
  }
  await Promise.all([page.waitForNavigation(), page.click("text=この案内を閉じる")]);
  check("the banner can be left, on the same page", (await page.locator(".tour-step").count()) === 0 && places[5].test(new URL(page.url()).pathname), page.url());
  t.mayFail(404);
  check("there is no seventh", (await page.goto(base + "/demo/tour/7")).status() === 404);
  await page.goto(base + "/home");
  check("and back to the tour", (await page.locator('a[href="/demo/tour"]').count()) > 0);
}

export async function demo_clock(t) {
  const { page, base, check, mayFail } = t;
  await signIn(t, "officer");
  await page.goto(base + "/contracts?status=running");
  const today = (await page.innerText(".clock strong")).slice(0, 10), to = next(today);
  check("the clock offers tomorrow", (await page.inputValue("#demo-today")) === to, await page.inputValue("#demo-today"));
  mayFail(422);
  await page.focus("#demo-today");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("2020-01-01");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check("a day gone by is refused on a page", (await page.title()).startsWith("エラー: ") && (await page.innerText("main")).includes("戻せません"), await page.innerText("main"));
  check("with what was typed", (await page.inputValue("#f-today")) === "2020-01-01");
  check("axe finds nothing in the error state", (await t.audit()).length === 0, await t.audit());
  check("and a way back", (await page.locator('main a[href="/contracts?status=running"]').count()) === 1);
  await page.fill("#f-today", `${+to.slice(0, 4) - 2018 < 10 ? "R" : "令和"}${+to.slice(0, 4) - 2018}.${+to.slice(5, 7)}.${+to.slice(8)}`);
  await page.focus("#f-today");
  await Promise.all([page.waitForURL(/done=clock/, { timeout: 60_000 }), page.keyboard.press("Enter")]);
  check("the day is moved, and one is back where one was", page.url().includes("/contracts?status=running") && (await page.innerText(".clock strong")).startsWith(to), page.url());
  check("what the day brought is told", /新しいアラート \d+件/.test(await page.innerText("[role=status]")), await page.innerText("main"));
  await sound(t, await page.goto(base + "/demo/clock"));
}

export const clock_moved_by_a_day = act(async (t) => {
  const { d, check } = t;
  await d.signIn("auditor");
  const today = async () => (await d.text(".clock strong")).slice(0, 10);
  const begun = await today();
  await d.pressTwice("日付を進める");
  check("one day has gone by", (await today()) === next(begun), await today());
});

export async function demo_mail(t) {
  const { page, base, check } = t;
  await signIn(t, "vendor_user");
  await sound(t, await page.goto(base + "/demo/mail"));
  check("mails are there, with their recipients and days", /@demo\.example/.test(await page.innerText(".letters")) && /令和\d+年/.test(await page.innerText(".letters")));
  const subject = await page.locator(".letters a").first().innerText();
  await page.locator(".letters a").first().focus();
  await Promise.all([page.waitForURL(/\/demo\/mail\/[0-9a-f-]{36}$/), page.keyboard.press("Enter")]);
  await sound(t, await page.reload());
  check("a mail has its subject", (await page.innerText("h1")).trim() === subject.trim(), await page.innerText("h1"));
  for (const href of await page.locator(".mail a").evaluateAll((links) => links.map((link) => link.getAttribute("href")))) check("links lead here", href.startsWith("/"), href);
  t.mayFail(404);
  const none = await page.goto(base + "/demo/mail/..%2F..%2Fetc%2Fpasswd");
  check("nothing else is read", none.status() === 404, none.status());
}
