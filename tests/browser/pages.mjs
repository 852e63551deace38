// Every page that every role finds by following links, as it is found and with its form sent empty: nothing for axe to
// find, nothing that scrolls sideways. A page is visited once for each side, by the first of its roles that finds it,
// whatever it is about.
import { signIn } from "./lib.mjs";

const sides = [["officer", "approver", "auditor", "agency_admin"], ["vendor_user", "vendor_admin"], ["overseer"], ["system_admin"]];

/** A page's address without what it is about. */
const kind = (url) => url.pathname.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "{id}").replace(/\/(vendors|departments|tour)\/[^/{]+/, "/$1/{id}");

/** Files to keep, the API's own page of routes, and what leads elsewhere are no pages; links in a mail are its reader's. */
const isPage = (url) => !/^\/(api\/|static\/)|\/(receipt|template)$|\.(csv|json|yaml|eml)$/.test(url.pathname);

async function sideways(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Empties every field of the page's form and sends it; false: it has none that must be filled. */
async function sendEmpty(page) {
  const form = page.locator("main form.form:has([required])").first();
  if ((await form.count()) === 0) return false;
  await form.evaluate((form) => {
    for (const field of form.elements) {
      if (field.type === "radio" || field.type === "checkbox") field.checked = false;
      else if (["text", "search", "password", "file", "select-one", "textarea"].includes(field.type)) field.value = "";
    }
  });
  await Promise.all([page.waitForNavigation(), form.evaluate((form) => form.requestSubmit())]);
  return true;
}

export async function every_page_of_every_role(t) {
  const { page, base, check, audit, mayFail } = t;
  // A form sent empty is refused; what a role finds and may not change is too.
  for (const status of [403, 404, 409, 422]) mayFail(status);
  const kinds = new Set();
  for (const [role, seen] of sides.flatMap((roles) => { const seen = new Set(); return roles.map((role) => [role, seen]); })) {
    await signIn(t, role);
    const waiting = [new URL(base + "/home")];
    seen.add("/home");
    while (waiting.length > 0) {
      const url = waiting.shift(), name = `${role} ${kind(url)}`;
      const answer = await page.goto(url.href);
      check(`${name} is there`, answer.status() === 200, answer.status());
      check(`${name} does not scroll sideways`, (await sideways(page)) <= 0, await sideways(page));
      const found = await audit();
      check(`${name}: axe finds nothing`, found.length === 0, found);
      for (const href of await page.locator("a[href]:not(.mail a)").evaluateAll((links) => links.map((link) => link.href))) {
        const to = new URL(href);
        if (to.origin !== base || !isPage(to) || seen.has(kind(to))) continue;
        seen.add(kind(to));
        waiting.push(to);
      }
      if (kinds.has(kind(url))) continue;
      kinds.add(kind(url));
      if (await sendEmpty(page)) {
        const told = (await page.title()).startsWith("エラー: ") && (await page.locator("#error-summary a").count()) > 0;
        check(`${name} sent empty says what is missing`, told, await page.title());
        check(`${name} sent empty does not scroll sideways`, (await sideways(page)) <= 0);
        const wrong = await audit();
        check(`${name} sent empty: axe finds nothing`, wrong.length === 0, wrong);
      }
    }
  }
  check("every page that links lead to", kinds.size >= 50, [...kinds].sort());
}
