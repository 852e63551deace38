// Every component in every state, at once.
import { sound } from "./lib.mjs";

export async function components(t) {
  const { page, base, check, mayFail } = t;
  await sound(t, await page.goto(base + "/demo/components"));
  await sound(t, await page.goto(base + "/demo/components?state=filled"));
  check("a filled field holds its text", (await page.inputValue('[id="f-text"]')) === "架空の件名");
  check("a password is never given back", (await page.inputValue('[id="f-secret"]')) === "");
  mayFail(422);
  await page.goto(base + "/demo/components?state=wrong");
  check("axe finds nothing where all is wrong", (await t.audit()).length === 0, await t.audit());
  const links = page.locator("#error-summary a");
  for (const link of await links.all()) {
    const id = decodeURIComponent((await link.getAttribute("href")).slice(1));
    check(`the summary leads to ${id}`, (await page.locator(`[id="${id}"]`).count()) === 1);
  }
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check("does not scroll sideways", over <= 0, over);
  const small = await page.evaluate(() => [...document.querySelectorAll("button, .button, .quiet, select, input:not([type=hidden])")].filter((e) => e.offsetParent && e.getBoundingClientRect().height < 24).map((e) => e.outerHTML.slice(0, 80)));
  check("nothing to press is too small", small.length === 0, small);
}
