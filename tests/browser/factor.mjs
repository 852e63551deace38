// 二要素認証: enrolled, asked for at the login and once more before grave acts, lost and replaced. Codes come from another
// implementation than ours (pyotp), passkeys from Chromium's own virtual authenticator.
import { act, code, enrol, python as run, signIn, sound } from "./lib.mjs";

/** As after an hour at the desk: nobody waits for it here. */
const age = (database) => run("import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30); c.execute(\"UPDATE sessions SET authenticated_at = '2026-01-01 00:00:00'\"); c.commit()", database.replace(/^sqlite:/, ""));

export async function where_factors_are_registered(t) {
  const { page, base, check } = t;
  await signIn(t, "officer");
  await sound(t, await page.goto(base + "/account/factors"));
  check("an address without a name has no passkeys, and says so", (await page.innerText("main")).includes("このアドレスではパスキーを使えません"));
  await sound(t, await page.goto(base + "/account/passkeys/new"));
  await sound(t, await page.goto(base + "/account/totp"));
  await Promise.all([page.waitForNavigation(), page.click("text=認証アプリを登録する")]);
  await sound(t, await page.reload());
  const [qr, secret] = [await page.getAttribute("svg.qr path", "d"), await page.innerText("code.secret")];
  check("a QR code is drawn", /^(M\d+ \d+h1v1h-1z)+$/.test(qr ?? ""), qr?.slice(0, 60));
  check("and said in groups of letters", /^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/.test(secret), secret);
  const link = await page.getAttribute('main a[href^="otpauth:"]', "href");
  check("both say the same", run("import pyotp, sys; print(pyotp.parse_uri(sys.argv[1]).secret)", link) === secret.replaceAll(" ", ""), link);
}

export const second_factor_of_an_authenticator_app = act(async (t) => {
  const strict = await t.another(["--strict", "--listen", "localhost:0"]);
  const { d, check, mayFail, logins, database } = { ...strict, mayFail: t.mayFail };
  const login = (role) => logins.find((one) => one.role === role);
  const [officer, admin, vendor] = ["officer", "agency_admin", "vendor_user"].map(login);
  [401, 409, 422].forEach(mayFail);

  await d.enter(officer.email, officer.password);
  check("who must have a second factor is led to it", d.path() === "/account/factors", d.path());
  await d.open("/contracts");
  check("whatever they ask for", d.path() === "/account/factors", d.path());
  await d.press("認証アプリを登録する");
  await d.fill("code", "000000");
  await d.press("確認して登録する");
  await d.reads("コードが正しくありません");
  await d.open("/account/factors");
  const { secret, codes } = await enrol(d, check);
  await d.press("保管しました。ホームへ進む");
  check("from then on the house is open", d.path() === "/home", d.path());

  await d.press("ログアウト");
  await d.enter(officer.email, officer.password);
  await d.fill("code", "000000");
  await d.press("ログイン");
  await d.reads("コードが正しくないか、すでに使われています");
  const now = code(secret, 1);
  await d.fill("code", now);
  await d.press("ログイン");
  check("the right code lets in", d.path() === "/home", d.path());
  await d.press("ログアウト");
  await d.enter(officer.email, officer.password);
  await d.fill("code", now);
  await d.press("ログイン");
  await d.reads("すでに使われています");
  await d.fill("code", codes[0]);
  await d.press("ログイン");
  check("a recovery code does too", d.path() === "/home", d.path());
  await d.open("/account/factors");
  await d.reads("あと9個");
  await d.press("回復コードを新しくする");
  check("new codes take the place of the old", !(await d.lines(".codes li")).includes(codes[1]));
  await d.open("/account/factors");
  await d.press("認証アプリを外す");
  await d.reads("先に別の認証アプリかパスキーを登録してください");
  await d.press("ログアウト");

  await d.enter(admin.email, admin.password);
  const { secret: admins } = await enrol(d, check);
  await d.open("/users/new");
  await d.fillAll({ name: "架空 新人", email: "factor-new@example.jp" });
  await d.tick("roles");
  age(database);
  await d.press("登録して招待を送る");
  await d.reads("本人であることをもう一度確かめます");
  await d.fillAll({ password: "違うパスワードです。", totp: code(admins, 1) });
  await d.press("確認する");
  await d.reads("パスワードが正しくありません");
  await d.fillAll({ password: admin.password, totp: code(admins, 1) });
  await d.press("確認する");
  await d.press("入力に戻る");
  check("what was typed is still there", (await d.value("name")) === "架空 新人", await d.value("name"));
  await d.press("登録して招待を送る");
  await d.told("登録しました");
  await d.open("/users");
  const at = (await d.lines("tbody tr")).findIndex((line) => line.includes(officer.email));
  await d.follow((await d.hrefs("tbody th a"))[at]);
  await d.press("二要素認証を解除する");
  await d.told("二要素認証を解除しました");
  await d.press("ログアウト");
  await d.enter(officer.email, officer.password);
  check("who lost everything begins anew", d.path() === "/account/factors", d.path());
  await d.press("ログアウト");

  await d.enter(vendor.email, vendor.password);
  check("who only reports for a vendor needs none", d.path() === "/home", d.path());
  await d.open("/account/factors");
  await enrol(d, check);
  await d.open("/account/factors");
  await d.press("認証アプリを外す");
  await d.told("外しました");
});

export const second_factor_of_a_passkey = act(async (t) => {
  const strict = await t.another(["--strict", "--listen", "localhost:0"]);
  const { d, check, mayFail, logins, database } = { ...strict, mayFail: t.mayFail };
  const vendor = logins.find((one) => one.role === "vendor_user");
  [401, 409].forEach(mayFail);
  await d.enter(vendor.email, vendor.password);
  await d.open("/account/factors");
  await d.press("パスキーを登録する");
  if (d.way === "plain") {
    await d.reads("JavaScript を有効にしてください");
    check("and offers no button that does nothing", !(await t.visible("[data-passkey-button]")));
    return;
  }
  const browser = await t.debug();
  await browser.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await browser.send("WebAuthn.addVirtualAuthenticator", { options });
  await d.fill("name", "架空のパソコン");
  await d.press("パスキーを登録する");
  const codes = await d.lines(".codes li");
  check("the first factor brings recovery codes", codes.length === 10, codes.length);
  await d.press("保管しました。ホームへ進む");
  await d.press("ログアウト");
  await d.enter(vendor.email, vendor.password);
  await d.press("パスキーで確かめる");
  check("the passkey lets in", d.path() === "/home", d.path());
  const { credentials } = await browser.send("WebAuthn.getCredentials", { authenticatorId });
  check("it signed once more than it was made", credentials.length === 1 && credentials[0].signCount > 1, credentials[0]?.signCount);

  await d.open("/account/factors");
  await d.reads("架空のパソコン");
  age(database);
  await d.press("回復コードを新しくする");
  await d.fill("password", vendor.password);
  await d.press("パスワードとパスキーで確認する");
  await d.press("続ける");
  const renewed = await d.lines(".codes li");
  check("and shows again who one is", renewed.length === 10 && !renewed.includes(codes[0]), renewed.length);

  await d.press("ログアウト");
  // A copy of it with an older counter: refused.
  await browser.send("WebAuthn.clearCredentials", { authenticatorId });
  await browser.send("WebAuthn.addCredential", { authenticatorId, credential: { ...credentials[0], signCount: 0 } });
  await d.enter(vendor.email, vendor.password);
  await d.press("パスキーで確かめる");
  await d.reads("パスキーを確かめられませんでした");
  await d.fill("code", renewed[0]);
  await d.press("ログイン");
  check("a recovery code does instead", d.path() === "/home", d.path());
  await d.open("/account/factors");
  await d.press("外す");
  await d.told("外しました");
  await d.press("ログアウト");
  await d.enter(vendor.email, vendor.password);
  check("without a factor the password is enough", d.path() === "/home", d.path());
});
