// The demonstration's pages in a real browser. usage: node tests/browser/run.mjs BINARY [FILE...]
// Every other .mjs beside this one exports tests; FILE (without .mjs) runs only those.
// Ends with `N passed, M failed`.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const sizes = [{ width: 360, height: 740 }, { width: 1280, height: 800 }];

const chrome = {
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};

const here = import.meta.dirname;
const files = readdirSync(here).filter((file) => file.endsWith(".mjs") && !["run.mjs", "lib.mjs"].includes(file)).sort();
const wanted = process.argv.slice(3);
const pages = {};
for (const file of files) if (wanted.length === 0 || wanted.includes(file.replace(/\.mjs$/, ""))) Object.assign(pages, await import(join(here, file)));

let passed = 0, failed = 0;
function check(what, holds, seen) {
  if (holds) passed += 1; else failed += 1;
  console.log((holds ? "ok    " : "FAIL  ") + what + (holds || seen === undefined ? "" : `   (saw ${JSON.stringify(seen).slice(0, 800)})`));
}

/** `itaku demo` on a free port; resolves with its line of JSON once it is ready. */
function demo(binary) {
  const child = spawn(binary, ["demo", "--json", "--listen", "127.0.0.1:0", "--today", "2026-04-01"], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise((resolve) => child.on("exit", (code) => resolve(code)));
  const ready = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line)));
    ended.then((code) => reject(new Error(`itaku demo ended with ${code} before it was ready`)));
    child.on("error", reject);
  });
  return { ready, stop: () => { child.kill("SIGTERM"); return ended; }, kill: () => child.kill("SIGKILL") };
}

/** Every test at one width, in a browser and against a demonstration of its own. */
async function everything(size) {
  const server = demo(process.argv[2]);
  const profile = mkdtempSync(join(tmpdir(), "itaku-browser-"));
  const at = `${size.width} px: `;
  let browser, scriptless;
  const plain = async () => {
    scriptless ??= await chromium.launch(chrome);
    return patient(await scriptless.newPage({ javaScriptEnabled: false, viewport: size, locale: "ja-JP" }));
  };
  try {
    const { url, logins } = await server.ready;
    const base = url.replace(/\/$/, "");
    browser = await chromium.launchPersistentContext(profile, { ...chrome, locale: "ja-JP" });
    for (const [name, test] of Object.entries(pages)) {
      await browser.clearCookies();
      const page = patient(await browser.newPage());
      await page.setViewportSize(size);
      const troubles = [], expected = new Set();
      // Chromium writes every answer of 400 and above to its console; those are counted below.
      page.on("console", (m) => { if (["error", "warning"].includes(m.type()) && !m.text().startsWith("Failed to load resource")) troubles.push(m.text()); });
      page.on("pageerror", (e) => troubles.push(String(e)));
      page.on("response", (r) => { if (r.status() >= 400 && !expected.has(r.status())) troubles.push(`${r.status()} ${r.url()}`); });
      page.on("request", (r) => { if (!r.url().startsWith(base) && !r.url().startsWith("data:")) troubles.push(`asks another host: ${r.url()}`); });
      const label = `${name} at ${at}`;
      try {
        await test({ page, base, logins, check: (what, holds, seen) => check(label + what, holds, seen), audit: () => audit(page), mayFail: (status) => expected.add(status), plain });
        check(label + "no errors in the console", troubles.length === 0, troubles);
      } catch (error) {
        check(label + "ran to its end", false, String(error));
      }
      await page.close();
    }
    check(`the demonstration ends with 0 on SIGTERM, ${at}`, (await server.stop()) === 0);
  } catch (error) {
    check(`the browser tests ran to their end, ${at}`, false, String(error));
  } finally {
    await browser?.close();
    await scriptless?.close();
    server.kill();
    rmSync(profile, { recursive: true, force: true });
  }
}

// Side by side: two cores share them.
await Promise.all(sizes.map(everything));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

/** A page that waits long enough on a machine with much to do. */
function patient(page) {
  page.setDefaultTimeout(30_000);
  return page;
}

/** What axe finds on the page as it stands, WCAG 2.2 AA and its best practices. axe is evaluated through the debugger's door, so the CSP stays on. */
async function audit(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document));
  return found.violations.map((v) => ({ rule: v.id, nodes: v.nodes.map((n) => n.target.join(" ")) }));
}
