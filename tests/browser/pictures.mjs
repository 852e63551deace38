// The pictures of README, taken of the demonstration as it begins: into the folder that ITAKU_PICTURES names, else
// into one that is thrown away. Every picture that README shows must be one of these.
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signIn } from "./lib.mjs";

const README = join(import.meta.dirname, "..", "..", "README.md");

/** Name, whose view, and how to come to the page from the home page. */
const pictures = [
  ["home", "officer", async () => {}],
  ["chain", "officer", async (page, base) => {
    await page.goto(base + "/contracts?q=DEMO-001");
    await page.locator("tbody a").first().click();
    await page.getByRole("link", { name: "再委託", exact: true }).click();
    await page.waitForURL(/\/chain$/);
    // What the picture is of stands below the form that asks for a day.
    await page.getByRole("heading", { name: "体制図" }).evaluate((heading) => heading.scrollIntoView());
  }],
  ["application", "approver", async (page, base) => {
    await page.goto(base + "/applications?state=applied");
    await page.locator("tbody a").first().click();
    await page.waitForURL(/applications\/[0-9a-f-]+$/);
  }],
  ["alert", "officer", async (page, base) => {
    await page.goto(base + "/alerts?kind=unapproved_subcontractor");
    await page.locator("tbody a").first().click();
    await page.waitForURL(/alerts\/[0-9a-f-]+$/);
  }],
  ["vendor", "vendor_user", async () => {}],
];

export async function pictures_of_readme(t) {
  const { page, base, check } = t;
  if (page.viewportSize().width !== 1280) return;
  const folder = process.env.ITAKU_PICTURES ?? mkdtempSync(join(tmpdir(), "itaku-pictures-"));
  for (const [name, role, go] of pictures) {
    await signIn(t, role);
    await go(page, base);
    const file = join(folder, `${name}.png`);
    await page.screenshot({ path: file });
    check(`${name} is not an empty picture`, statSync(file).size > 20_000, statSync(file).size);
  }
  const shown = [...readFileSync(README, "utf8").matchAll(/docs\/pictures\/([a-z]+)\.png/g)].map((found) => found[1]);
  check("README shows pictures of these", shown.length >= 3 && shown.every((name) => pictures.some(([known]) => known === name)), shown);
}
