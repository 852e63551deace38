// Who does the acts: one who has only a keyboard, and one whose browser runs no JavaScript. An act sees the page through
// its driver alone, which keeps the page to itself: what is done by the keyboard can't be done in any other way. Only an
// address is typed, and a file chosen, by the browser's own means, which no page has a say in.

/** A link, a button or a summary of these words; what follows in brackets or after a colon may differ. */
const named = (words) => new RegExp(`^\\s*${words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\s*($|[（:])`);

/** Nothing but keys, from where the focus is. */
function keyboard(page) {
  const key = (name) => page.keyboard.press(name);
  /** Presses Tab until the focus is where `holds` says. */
  const reach = async (wanted, holds) => {
    for (let n = 0; n < 400; n += 1) {
      if (await page.evaluate(holds, wanted)) return;
      await key("Tab");
    }
    throw new Error(`the keyboard does not reach ${wanted} on ${page.url()}`);
  };
  const field = (name) => reach(`f-${name}`, (id) => document.activeElement.id === id);
  const on = (words) => reach(named(words), (words) => document.activeElement.matches("a, button, summary") && words.test(document.activeElement.innerText));
  return {
    fill: async (name, text) => {
      await field(name);
      await key("Control+A");
      await key("Delete");
      await page.keyboard.type(text);
    },
    choose: async (name, wanted) => {
      await reach(name, (name) => document.activeElement.name === name && document.activeElement.type !== "hidden");
      await key((await page.evaluate(() => document.activeElement.type)) === "radio" ? "Space" : "Home");
      for (let n = 0; n < 100; n += 1) {
        const done = await page.evaluate(([wanted, named]) => {
          const at = document.activeElement, option = at.selectedOptions?.[0];
          return option ? option.index === wanted || option.label.includes(wanted) : at.checked && named.test(at.labels[0].innerText);
        }, [wanted, named(String(wanted))]);
        if (done) return;
        await key("ArrowDown");
      }
      throw new Error(`the keyboard does not choose ${wanted} of ${name}`);
    },
    tick: async (name) => {
      await field(name);
      await key("Space");
    },
    on,
    onLink: (path) => reach(path, (path) => document.activeElement.getAttribute("href") === path),
    press: () => key("Enter"),
  };
}

/** The pointer, in a browser whose JavaScript is off. */
function pointer(page) {
  const at = (name) => page.locator(`[id="f-${name}"]`);
  let found;
  return {
    fill: (name, text) => at(name).fill(text),
    choose: async (name, wanted) => {
      const select = page.locator(`select[name="${name}"]`);
      if (await select.count()) {
        const option = typeof wanted === "number" ? { index: wanted } : await select.locator("option", { hasText: wanted }).first().getAttribute("value");
        await select.selectOption(option);
      } else {
        const all = page.locator("label.option", { has: page.locator(`[name="${name}"]`) });
        await all.filter({ hasText: named(wanted) }).first().click();
      }
    },
    tick: (name) => at(name).check(),
    on: (words) => { found = page.locator("a, button:not([aria-hidden]), summary").filter({ hasText: named(words) }).first(); },
    onLink: (path) => { found = page.locator(`a[href="${path}"]`).first(); },
    press: () => found.click(),
  };
}

/**
 * Drives a page. `way` is "keyboard" or "plain"; `acted` is told the path of every form that was sent and taken: it led
 * to another page, or to one on which it does not stand any more.
 */
export function driver({ way, page, base, logins, check, acted }) {
  page.setDefaultTimeout(60_000);
  const hand = way === "keyboard" ? keyboard(page) : pointer(page);
  const text = (css = "main") => page.evaluate((css) => document.querySelector(css)?.innerText ?? "", css);
  let last;
  page.on("response", (answer) => { if (answer.request().isNavigationRequest()) last = answer; });

  /** Presses what the hand is on, waits for the page it leads to, and tells whether a form was taken. */
  const go = async () => {
    await Promise.all([page.waitForNavigation(), hand.press()]);
    let sent = last.request();
    while (sent.redirectedFrom()) sent = sent.redirectedFrom();
    if (sent.method() !== "POST" || last.status() >= 400) return;
    const path = new URL(sent.url()).pathname, here = new URL(page.url());
    const again = await page.locator("main form[method=post]").evaluateAll((forms, path) => forms.some((form) => new URL(form.getAttribute("action"), location.href).pathname === path), path);
    const isTaken = here.pathname === path ? !again : !(here.pathname === "/login" && here.searchParams.has("next"));
    if (isTaken) acted(path);
  };

  const drive = {
    text,
    way,
    path: () => page.url().slice(base.length).replace(/\?.*/, ""),
    value: (name) => page.inputValue(`[id="f-${name}"]`),
    count: (css) => page.locator(css).count(),
    lines: (css) => page.locator(css).allInnerTexts(),
    hrefs: (css) => page.locator(css).evaluateAll((links) => links.map((link) => link.getAttribute("href"))),
    /** A file that the page offers. */
    read: async (path) => (await page.request.get(base + path)).text(),
    open: (path) => page.goto(base + path),
    back: () => page.goBack(),
    upload: (name, file) => page.setInputFiles(`[id="f-${name}"]`, file),
    fill: hand.fill,
    choose: hand.choose,
    tick: hand.tick,
    fillAll: async (values) => { for (const [name, text] of Object.entries(values)) await hand.fill(name, text); },
    unfold: async (words) => { await hand.on(words); await hand.press(); },
    press: async (words) => { await hand.on(words); await go(); },
    follow: async (path) => { await hand.onLink(path); await go(); },
    /** As press, of a form whose first answer never comes, as when a button is pressed again meanwhile. */
    pressTwice: async (words) => {
      await hand.on(words);
      let first;
      await page.route("**", async (route) => {
        if (route.request().method() === "POST" && first === undefined) first = (await route.fetch({ maxRedirects: 0 })).status();
        await route.continue();
      });
      await go();
      await page.unroute("**");
      check(`${words}: the first of two was taken`, first < 400, first);
    },
    enter: async (email, password) => {
      await drive.open("/login");
      await drive.fillAll({ email, password });
      await drive.press("ログイン");
    },
    signIn: async (role) => {
      const login = logins.find((one) => one.role === role);
      await drive.enter(login.email, login.password);
      check(`${role} is signed in`, drive.path() === "/home", page.url());
    },
    /** The page says that something was done. */
    told: async (words) => check(`told: ${words}`, (await text("[role=status]")).includes(words), await text()),
    /** The page says something. */
    reads: async (words) => check(`reads: ${words}`, (await text()).includes(words), await text()),
  };
  return drive;
}
