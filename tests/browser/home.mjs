// ホーム of every role: what it counts is behind its links; and what a role that only reads can't find.
import { signIn, sound } from "./lib.mjs";

const roles = ["officer", "approver", "auditor", "agency_admin", "vendor_user", "vendor_admin", "overseer", "system_admin"];

export async function home_of_every_role(t) {
  const { page, base, check } = t;
  for (const role of roles) {
    await signIn(t, role);
    await sound(t, await page.reload());
    const ways = await page.locator("nav.ways a, .counts a").evaluateAll((links) => links.map((link) => link.href));
    for (const way of [...new Set(ways)]) {
      const answer = await page.request.get(way);
      check(`${role}: ${way.replace(base, "")} is there`, answer.status() === 200, answer.status());
    }
  }
}

/** The rows behind a count, on all its pages. */
async function rows(page, link) {
  let count = 0;
  await page.goto(link);
  for (;;) {
    count += await page.locator("table.list").first().locator("tbody tr").count();
    const next = page.locator('a[rel="next"]');
    if ((await next.count()) === 0) return count;
    await Promise.all([page.waitForNavigation(), next.click()]);
  }
}

export async function counts_lead_to_their_lists(t) {
  const { page, base, check } = t;
  for (const role of ["officer", "vendor_user"]) {
    await signIn(t, role);
    const counts = await page.locator(".counts a").evaluateAll((links) => links.map((link) => [link.href, Number.parseInt(link.querySelector("strong").textContent.replaceAll(",", ""), 10)]));
    for (const [link, number] of counts) {
      const seen = await rows(page, link);
      check(`${role}: ${link.replace(base, "")} holds ${number}`, seen === number, seen);
    }
  }
}

export async function overseer_reads_only(t) {
  const { page, base, check } = t;
  await signIn(t, "overseer");
  await page.goto(base + "/contracts?q=DEMO-001");
  await page.locator("tbody a").first().click();
  await page.waitForURL(/contracts\/[0-9a-f-]+$/);
  const contract = page.url();
  const agencies = new Set();
  for (const tab of ["", "/chain", "/declarations", "/audits", "/ledger"]) {
    await sound(t, await page.goto(contract + tab));
    const acts = await page.locator("main form[method=post], main a[href$='/new'], main a[href$='/amend'], main a[href$='/terminate']").count();
    check(`nothing to change on ${tab || "/"}`, acts === 0, acts);
  }
  // Page by page: what was registered last may be one agency's alone.
  for (let next = "/contracts"; next; ) {
    await page.goto(new URL(next, page.url()).href);
    for (const row of await page.locator("tbody tr").allInnerTexts()) agencies.add(row.includes("DEMO-1"));
    const on = page.locator("main a[rel=next]");
    next = (await on.count()) ? await on.first().getAttribute("href") : undefined;
  }
  check("sees both agencies", agencies.size === 2);
  t.mayFail(403);
  const refused = await page.goto(contract + "/terminate");
  check("a page of another role is refused in words", refused.status() === 403 && (await page.innerText("main")).includes("権限"), refused.status());
  check("axe finds nothing there", (await t.audit()).length === 0, await t.audit());
  t.mayFail(404);
  const missing = await page.goto(base + "/contracts/01990000-0000-7000-8000-000000000000");
  check("what is not there says so", missing.status() === 404 && (await page.locator(".who").count()) === 1, missing.status());
}
