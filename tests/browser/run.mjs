// The demonstration's pages in a real browser. usage: node tests/browser/run.mjs BINARY [FILE|TEST...]
// Every other .mjs beside this one exports tests; a FILE (without .mjs) or a TEST runs only those. Without them it also
// counts: every form of the pages (acts.json, which a test in Rust holds to the router) was sent and taken, by the
// keyboard alone and again with JavaScript off. Ends with `N passed, M failed`.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { driver } from "./driver.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// What is looked at is looked at in both widths; what is done is done by the keyboard in one, without JavaScript in the other.
const sizes = [{ width: 360, height: 740, way: "plain" }, { width: 1280, height: 800, way: "keyboard" }];

const chrome = {
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};

const here = import.meta.dirname;
const files = readdirSync(here).filter((file) => file.endsWith(".mjs") && !["run.mjs", "lib.mjs", "driver.mjs", "mail.mjs"].includes(file)).sort();
const wanted = process.argv.slice(3);
// Every page is visited on a demonstration that no other test has changed: by name only (tests/run does).
const byName = ["pages.mjs"];
const pages = {};
for (const file of files) {
  for (const [name, test] of Object.entries(await import(join(here, file)))) {
    if ((wanted.length === 0 && !byName.includes(file)) || wanted.includes(name) || wanted.includes(file.replace(/\.mjs$/, ""))) pages[name] = test;
  }
}

let passed = 0, failed = 0;
function check(what, holds, seen) {
  if (holds) passed += 1; else failed += 1;
  console.log((holds ? "ok    " : "FAIL  ") + what + (holds || seen === undefined ? "" : `   (saw ${JSON.stringify(seen).slice(0, 800)})`));
}

const acts = JSON.parse(readFileSync(join(here, "acts.json"), "utf8")).map((route) => ({ route, pattern: new RegExp(`^${route.replace("{id}", "[0-9a-f-]{36}")}$`) }));
/** The forms that were sent and taken, by the way in which that was done. */
const acted = { keyboard: new Set(), plain: new Set() };
function took(way, path) {
  const known = acts.find((one) => one.pattern.test(path));
  if (known) acted[way].add(known.route); else check(`acts.json knows ${path}`, false);
}

/** `itaku demo` on a free port; resolves with its line of JSON once it is ready. */
function demo(binary, more = []) {
  const child = spawn(binary, ["demo", "--json", ...(more.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"]), "--today", "2026-04-01", ...more], { stdio: ["ignore", "pipe", "ignore"] });
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
  const { width, height, way } = size, viewport = { width, height };
  const server = demo(process.argv[2]);
  const profile = mkdtempSync(join(tmpdir(), "itaku-browser-"));
  const at = `${width} px: `;
  let browser, scriptless;
  const plain = async () => {
    scriptless ??= await chromium.launch(chrome);
    return patient(await scriptless.newPage({ javaScriptEnabled: false, viewport, locale: "ja-JP" }));
  };
  const fresh = async () => {
    await browser.clearCookies();
    const page = patient(await browser.newPage());
    await page.setViewportSize(viewport);
    return page;
  };
  /** What an act sees: its driver, and another demonstration where it needs one of its own. */
  const actor = (page, site, t, hosts, others) => {
    const drive = ({ base, logins }) => driver({ way, page, base, logins, check: t.check, acted: (path) => took(way, path) });
    const another = async (more) => {
      const other = demo(process.argv[2], more);
      others.push(other);
      const { url, logins, database } = await other.ready;
      const site = { base: url.replace(/\/$/, ""), logins, database };
      hosts.push(site.base);
      return { ...t, ...site, d: drive(site) };
    };
    // What no page has a say in: the browser's own debugger, and whether something is seen at all.
    const debug = () => page.context().newCDPSession(page), visible = (css) => page.locator(css).isVisible();
    return { ...t, page: undefined, plain: undefined, audit: undefined, d: drive(site), another, debug, visible };
  };
  try {
    const { url, logins } = await server.ready;
    const site = { base: url.replace(/\/$/, ""), logins };
    browser = await chromium.launchPersistentContext(profile, { ...chrome, locale: "ja-JP" });
    for (const [name, test] of Object.entries(pages)) {
      const page = test.isAct && way === "plain" ? await plain() : await fresh();
      const hosts = [site.base], others = [];
      const { troubles, mayFail } = watched(page, hosts);
      const label = `${name} at ${at}`;
      const t = { page, ...site, check: (what, holds, seen) => check(label + what, holds, seen), audit: () => audit(page), mayFail, plain };
      try {
        await test(test.isAct ? actor(page, site, t, hosts, others) : t);
        check(label + "no errors in the console", troubles.length === 0, troubles);
      } catch (error) {
        check(label + "ran to its end", false, String(error));
      }
      others.forEach((other) => other.kill());
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
if (wanted.length === 0) {
  for (const [way, done] of Object.entries(acted)) {
    // A browser shows a passkey to a script only; without one its page says so (factor.mjs).
    const possible = acts.map((one) => one.route).filter((route) => way === "keyboard" || !route.startsWith("/account/passkeys/"));
    const missing = possible.filter((route) => !done.has(route));
    check(`all ${acts.length} acts were done: ${way}`, acts.length > 0 && missing.length === 0, missing);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

/** A page that waits long enough on a machine with much to do. */
function patient(page) {
  page.setDefaultTimeout(30_000);
  return page;
}

/** What goes wrong on a page: words in its console, answers of 400 and above that were not expected, other hosts asked. */
function watched(page, hosts) {
  const troubles = [], expected = new Set();
  // Chromium writes every answer of 400 and above to its console; those are counted below.
  page.on("console", (m) => { if (["error", "warning"].includes(m.type()) && !m.text().startsWith("Failed to load resource")) troubles.push(m.text()); });
  page.on("pageerror", (e) => troubles.push(String(e)));
  page.on("response", (r) => { if (r.status() >= 400 && !expected.has(r.status())) troubles.push(`${r.status()} ${r.url()}`); });
  page.on("request", (r) => { if (!["data:", ...hosts].some((host) => r.url().startsWith(host))) troubles.push(`asks another host: ${r.url()}`); });
  return { troubles, mayFail: (status) => expected.add(status) };
}

/** What axe finds on the page as it stands, WCAG 2.2 AA and its best practices. axe is evaluated through the debugger's door, so the CSP stays on. */
async function audit(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document));
  return found.violations.map((v) => ({ rule: v.id, nodes: v.nodes.map((n) => n.target.join(" ")) }));
}
