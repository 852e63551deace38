// 送信履歴: who will be told, what was sent, and in which words.
import { contractOf2026, follow, signIn, sound } from "./lib.mjs";

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
