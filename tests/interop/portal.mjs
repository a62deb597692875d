// A walk through the whole portal in a real browser: a founder in three languages, then the
// application from the first question to the payout, with everybody's desks on the way.
import { writeFileSync } from "node:fs";
import {
  CITY, WORLD, answer, approveOnPhone, expect, launch, look, open, pending, problems, report,
  signIn, visited,
} from "./browser.mjs";

const browser = await launch();
const FACTS = JSON.parse(process.env.LIONROCK_FACTS ?? "{}");

async function stateFacts(page) {
  const closed = page.locator("details.questions:not([open]) > summary");
  while (await closed.count()) await closed.first().click();
  for (const [name, value] of Object.entries(FACTS)) {
    const field = page.locator(`[name="${name}"]`);
    if (Array.isArray(value)) {
      for (const code of value) await page.locator(`[name="${name}"][value="${code}"]`).check();
    } else if (typeof value === "boolean") await field.selectOption(String(value));
    else if ((await field.evaluate((one) => one.tagName)) === "SELECT") {
      await field.selectOption(String(value));
    } else await field.fill(String(value));
  }
}

async function visitor() {
  for (const language of ["en", "zh-Hant", "zh-Hans"]) {
    const page = await open(browser, { language });
    await page.goto(`${CITY}/`);
    expect(
      (await page.locator("html").getAttribute("lang")) === language,
      `the browser's language ${language} is not taken`,
    );
    await look(page, `${language}-start`);
    await page.goto(`${CITY}/portal/funding`);
    await look(page, `${language}-funding-visitor`);
    await page.goto(`${CITY}/portal/schemes/nifs`);
    await look(page, `${language}-scheme`);
    await page.goto(`${CITY}/portal/awards`);
    await look(page, `${language}-awards-before`);
    await page.goto(`${CITY}/portal/codes`);
    await look(page, `${language}-codes`);
    await page.goto(`${CITY}/portal/nothing`);
    expect(
      (await page.locator("[data-error-code='kernel.not_found']").count()) === 1,
      "an address that nobody has is told on a page",
    );
    await page.context().close();
  }
  const page = await open(browser);
  await page.goto(`${CITY}/portal/funding`);
  await stateFacts(page);
  await page.locator("#facts button").click();
  expect((await page.locator("details.result").count()) === 61, "61 schemes are listed");
  const fits = await page.locator("details.result .tag.yes").count();
  expect(fits > 0, "no scheme fits the sandbox's own firm");
  await look(page, "visitor-results");
  await page.goto(`${CITY}/portal/cases`);
  expect(page.url().includes("/identity/authorize"), "a page of a company needs a sign-in");
  await page.context().close();
}

async function founder() {
  const page = await open(browser);
  await signIn(page, "ada", "en");
  await page.goto(`${CITY}/portal/details`);
  await look(page, "own-details");
  await page.goto(`${CITY}/portal/company`);
  await look(page, "company");
  await page.goto(`${CITY}/portal/funding`);
  await page.locator("form[action='/portal/funding/consents'] button").click();
  await look(page, "consents-pending");
  await phonePages();
  await approveConsents(page);
  await look(page, "consents");
  await page.goto(`${CITY}/portal/funding`);
  await page.locator("form[action='/portal/funding/collection'] button").click();
  expect((await page.getByText("Stated by").count()) > 0, "facts from the registry are marked");
  await stateFacts(page);
  await page.locator("#facts button").click();
  await page.waitForURL(/#results/);
  await look(page, "funding");
  const first = page.locator("details.result[data-scheme='nifs']");
  await first.locator("summary").click();
  await first.locator("a.button:not(.second)").click();
  await look(page, "apply");
  await page.fill("#title", "Smart production line for warehouse robots");
  await page.fill("#summary", "A line in Tai Po that assembles, tests and packs robots.\nTwo stages.");
  await page.fill("#cost", "300000");
  await page.fill("#requested", "90000");
  await page.fill("#milestone_1", "Line installed");
  await page.fill("#share_1", "60");
  await page.fill("#milestone_2", "Line in production");
  await page.fill("#share_2", "30");
  await page.fill("#payout_proxy", "+85251230001");
  await page.locator("main form button").click();
  expect((await page.locator("[role=alert]").count()) === 1, "shares that do not add up are named");
  await look(page, "apply-refused");
  await page.fill("#share_2", "40");
  await page.locator("main form button").click();
  await look(page, "case-draft");
  const address = new URL(page.url()).pathname;
  for (const party of ["person", "company-seal"]) {
    await page.locator("#sign form button").click();
    await look(page, `case-asked-${party}`);
    await approveOnPhone(page, "ada");
  }
  await look(page, "case-signed");
  await page.locator("form[action$='/submission'] button").click();
  await look(page, "case-submitted");
  return { page, address };
}

async function approveConsents(page) {
  for (const approval of await pending("ada")) await answer("ada", approval);
  await page.waitForFunction(() => document.querySelector("[data-state]") === null);
}

async function phonePages() {
  const page = await open(browser, { viewport: { width: 390, height: 844 } });
  await page.goto(`${WORLD}/phone/`);
  await look(page, "phones");
  await page.goto(`${WORLD}/phone/ada`);
  await look(page, "phone-asked");
  await page.context().close();
}

async function assess(id, persona, mark) {
  const page = await open(browser);
  await signIn(page, persona);
  await page.goto(`${CITY}/portal/staff`);
  await look(page, `desk-${persona}`);
  await page.goto(`${CITY}/portal/staff/cases/${id}`);
  await look(page, `desk-case-${persona}`);
  for (const name of ["innovation", "feasibility", "team", "benefit", "value"]) {
    await page.fill(`#${name}`, String(mark));
  }
  await page.fill("#comment", "Sound plan, capable team.");
  await page.locator("form[action$='/assessments'] button").click();
  expect((await page.locator("form[action$='/assessments']").count()) === 0, "assessed once");
  await page.context().close();
}

async function decide(page) {
  await page.fill("#amount", "90000.00");
  await page.fill("#reasons", "Two assessors support it; the benefit to local industry is clear.");
  await page.locator("form[action$='/decision'] button").click();
}

async function fund() {
  const page = await open(browser);
  await signIn(page, "iris");
  await page.goto(`${CITY}/portal/budgets`);
  await look(page, "budgets");
  await page.selectOption("#scheme", "nifs");
  await page.fill("#amount", "1000000");
  await page.locator("main form button").click();
  expect((await page.locator(".notice.good").count()) === 1, "the budget is funded");
  await page.goto(`${CITY}/portal/payments`);
  await look(page, "operator-payments");
  await page.goto(`${CITY}/portal/participants`);
  await look(page, "operator-participants");
  await page.goto(`${CITY}/portal/officers`);
  await look(page, "operator-officers");
  await page.goto(`${CITY}/portal/staff`);
  expect((await page.locator("[data-error-code]").count()) === 1, "an operator sees no desk");
  await page.context().close();
}

async function committee(id) {
  const page = await open(browser);
  await signIn(page, "frank");
  await page.goto(`${CITY}/portal/staff/cases/${id}`);
  await look(page, "desk-decide");
  await decide(page);
  await page.waitForFunction(() => document.querySelector(".tag.award_refused") !== null);
  await look(page, "desk-refused-by-ledger");
  await fund();
  await decide(page);
  await page.waitForFunction(() => document.querySelector(".tag.awarded") !== null);
  await look(page, "desk-awarded");
  return page;
}

async function toThePayout({ page, address }) {
  const id = address.split("/").at(-1);
  await assess(id, "david", 16);
  await assess(id, "emily", 17);
  const frank = await committee(id);
  await page.goto(`${CITY}${address}`);
  await look(page, "case-awarded");
  await page.locator("#sign form button").click();
  await approveOnPhone(page, "ada");
  await frank.goto(`${CITY}/portal/staff/cases/${id}`);
  await look(frank, "desk-seal");
  await frank.locator("#sign form button").click();
  await approveOnPhone(frank, "frank");
  await frank.waitForFunction(() => document.querySelector(".tag.agreed") !== null);
  for (const number of [1, 2]) {
    await page.goto(`${CITY}${address}`);
    if (number === 1) await look(page, "case-agreed");
    await page.fill("#report", `Milestone ${number} reached, see the site report.`);
    await page.locator("form[action$='/payouts'] button").click();
    await frank.goto(`${CITY}/portal/staff/cases/${id}`);
    if (number === 1) await look(frank, "desk-release");
    await frank.locator("form[action$='/release'] button").click();
    await frank.waitForFunction(
      (count) => document.querySelectorAll(".tag.payout-paid").length === count, number,
    );
  }
  await page.goto(`${CITY}${address}`);
  expect((await page.locator(".tag.completed").count()) > 0, "the case is completed");
  await look(page, "case-completed");
}

async function records({ page, address }) {
  const id = address.split("/").at(-1);
  await page.goto(`${CITY}/portal/cases`);
  await look(page, "cases");
  await page.goto(`${CITY}/portal/evidence`);
  await look(page, "evidence");
  await page.goto(`${CITY}/portal/evidence/${id}`);
  await look(page, "case-evidence");
  await download(page, `/portal/evidence/${id}/bundle`, "evidence.zip");
  await download(page, "/portal/evidence/trust.json", "trust.json");
  await download(page, `/portal/cases/${id}/documents/agreement`, "agreement.pdf");
  await page.goto(`${CITY}/portal/consents`);
  await page.locator("article a.button").first().click();
  await look(page, "consent");
  await page.locator("form[action$='/pause'] button").click();
  expect(
    (await page.locator("[data-acknowledged=yes]").count()) === 1, "the pause is acknowledged",
  );
  await look(page, "consent-paused");
  await page.locator("form[action$='/resume'] button").click();
  await page.locator("form[action$='/revoke'] button").click();
  expect(
    (await page.locator("[data-acknowledged=yes]").count()) === 1, "the revocation is acknowledged",
  );
  await look(page, "consent-revoked");
  await page.goto(`${CITY}/portal/awards`);
  expect((await page.locator("tbody tr").count()) === 1, "the award is in the public register");
  await look(page, "awards");
  await everyLanguage(page, address, id);
  await links(page);
  await page.locator("details.me summary").click();
  await page.locator("details.me form button").click();
  await page.goto(`${CITY}${address}`);
  expect(page.url().includes("/identity/authorize"), "signed out means signed out");
}

async function download(page, path, name) {
  const reply = await page.request.get(`${CITY}${path}`);
  expect(reply.status() === 200, `${path}: ${reply.status()}`);
  if (process.env.LIONROCK_OUT) writeFileSync(`${process.env.LIONROCK_OUT}/${name}`, await reply.body());
}

async function everyLanguage(page, address, id) {
  for (const language of ["zh-Hant", "zh-Hans"]) {
    for (const path of [
      "/", "/portal/company", "/portal/funding", "/portal/schemes/nifs", "/portal/cases",
      "/portal/cases/new?scheme=nifs", address, "/portal/consents", "/portal/evidence",
      `/portal/evidence/${id}`, "/portal/awards",
    ]) {
      await page.goto(`${CITY}${path}${path.includes("?") ? "&" : "?"}lang=${language}`);
      const title = await page.locator("h1").innerText();
      const isOwnText = path === address || path === `/portal/evidence/${id}`;
      expect(isOwnText || /\p{Script=Han}/u.test(title), `${path} in ${language}: ${title}`);
      await look(page, `${language}${path.split("?")[0].replace(id, "one").replaceAll("/", "-")}`);
    }
  }
  await page.goto(`${CITY}/?lang=en`);
}

// Every internal link of every page visited leads somewhere.
async function links(page) {
  const seen = new Set();
  for (const path of visited) {
    if (path.startsWith("/identity")) continue;
    const reply = await page.request.get(`${CITY}${path}`);
    if (reply.status() !== 200) continue; // another person's page
    for (const [, href] of (await reply.text()).matchAll(/href="(\/[^"#]*)/g)) {
      seen.add(href.replaceAll("&amp;", "&"));
    }
  }
  for (const href of seen) {
    if (href.includes("sign-in")) continue;
    const reply = await page.request.get(`${CITY}${href}`, { maxRedirects: 0 });
    expect([200, 303].includes(reply.status()), `the link ${href}: ${reply.status()}`);
  }
  report.links = seen.size;
}

async function small() {
  for (const scheme of ["light", "dark"]) {
    const page = await open(browser, {
      viewport: { width: 360, height: 740 }, colorScheme: scheme, language: "zh-Hant",
    });
    for (const path of ["/", "/portal/funding", "/portal/schemes/nifs", "/portal/awards"]) {
      await page.goto(`${CITY}${path}`);
      await look(page, `small-${scheme}${path.replaceAll("/", "-")}`);
    }
    await page.context().close();
  }
}

try {
  await visitor();
  await small();
  const begun = await founder();
  await toThePayout(begun);
  await records(begun);
} catch (error) {
  problems.push(String(error.stack ?? error));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ ...report, problems }, null, 1));
process.exit(problems.length ? 1 : 0);
