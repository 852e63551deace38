// 送信履歴: who will be told, what was sent, and in which words.
import { act, contractOf2026, follow, signIn, sound } from "./lib.mjs";
import { mailServer } from "./mail.mjs";

export async function notices(t) {
  const { page, base, check } = t;
  const contract = await contractOf2026(t);
  await signIn(t, "agency_admin");
  for (const state of ["", "waiting", "sent", "failed"]) await sound(t, await page.goto(`${base}/notices?state=${state}`));
  check("an empty list says so", (await page.innerText("main")).includes("届かなかった通知はありません"));
  await sound(t, await page.goto(`${base}/notices?contract_id=${contract.id}`));
  check("the contract is named", (await page.innerText("main")).includes(contract.title));
  await follow(page, "年度内の実地検査の予定なし");
  await sound(t, await page.reload());
  check("its words are shown", (await page.innerText(".mail")).includes(contract.number), await page.innerText("main"));
}

export async function notices_without_javascript(t) {
  const { base, check, plain } = t;
  const page = await plain();
  await signIn(t, "officer", page);
  await page.goto(base + "/notices");
  await Promise.all([page.waitForNavigation(), page.click("text=送信済み >> nth=0")]);
  check("the list is narrowed", page.url().endsWith("state=sent"), page.url());
  check("who may not send again is not asked to", (await page.getByRole("button", { name: "もう一度送る" }).count()) === 0);
  await page.close();
}

export const notice_sent_again = act(async ({ another, check }) => {
  const server = mailServer();
  const { d } = await another(["--mail", await server.url]);
  await d.signIn("agency_admin");
  const failed = async () => { await d.open("/notices?state=failed"); return d.hrefs("tbody th a"); };
  const until = Date.now() + 60_000;
  while ((await failed()).length === 0 && Date.now() < until);
  const [first] = await failed();
  await d.follow(first);
  await d.reads("この通知は届いていません");
  server.take();
  await d.pressTwice("もう一度送る");
  await d.told("もう一度送ります");
  while (server.letters.length === 0 && Date.now() < until) await d.open(first);
  check("it has arrived", server.letters.length > 0);
  server.stop();
});
