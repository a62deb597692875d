// What the walks through the portal share: one browser, the simulated phones, and the checks that
// hold for every page: accessible (axe-core, WCAG 2.2 AA), nothing asked of anybody else's server,
// no script error, every control reachable by keyboard.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export const CITY = process.env.LIONROCK_CITY;
export const WORLD = process.env.LIONROCK_WORLD;
const SHOTS = process.env.LIONROCK_SCREENSHOTS ?? "";
const OWN = [CITY, WORLD].map((address) => new URL(address).origin);

export const problems = [];
export const visited = new Set();
export const report = { pages: 0, axe: 0, tabs: 0 };

export function expect(fact, what) {
  if (!fact) problems.push(what);
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.LIONROCK_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
}

export async function open(browser, { language = "en", ...options } = {}) {
  const context = await browser.newContext({
    locale: { en: "en-HK", "zh-Hant": "zh-HK", "zh-Hans": "zh-CN" }[language], ...options,
  });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.on("request", (request) => {
    const origin = new URL(request.url()).origin;
    expect(OWN.includes(origin) || origin === "null", `a page asked ${request.url()}`);
  });
  page.on("pageerror", (error) => problems.push(`script error on ${page.url()}: ${error}`));
  page.on("console", (message) => {
    if (message.type() !== "error" || /status of 4\d\d/.test(message.text())) return;
    problems.push(`console on ${page.url()}: ${message.text()}`);
  });
  return page;
}

// Every page that is shown is looked at once under its name: axe, keyboard, picture.
export async function look(page, name) {
  report.pages += 1;
  const address = new URL(page.url());
  if (address.origin === OWN[0]) visited.add(address.pathname + address.search);
  expect((await page.title()).length > 3, `${name}: no title`);
  await page.evaluate(AXE);
  const found = await page.evaluate(
    (tags) => window.axe.run(document, { runOnly: { type: "tag", values: tags }, preload: false }), AXE_TAGS,
  );
  report.axe += 1;
  for (const violation of found.violations) {
    const where = violation.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ");
    problems.push(`${name}: axe ${violation.id} (${violation.impact}) at ${where}`);
  }
  await checkWidth(page, name);
  await checkKeyboard(page, name);
  if (SHOTS) {
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
  }
}

async function checkWidth(page, name) {
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(over <= 0, `${name}: ${over}px wider than the window`);
}

// Tab from the top: every visible control gets the focus, in the order of the page, and shows it.
async function checkKeyboard(page, name) {
  const wanted = await page.evaluate(() => {
    const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary";
    const seen = [...document.querySelectorAll(kinds)].filter(
      (one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled,
    );
    // Of a group of radio buttons one is a tab stop.
    const stops = seen.filter((one) => one.type !== "radio" || one.checked);
    stops.forEach((one, number) => { one.dataset.stop = String(number); });
    // Begin at the top, wherever the focus or the address's fragment is.
    const top = document.body.insertBefore(document.createElement("span"), document.body.firstChild);
    top.tabIndex = -1;
    top.focus();
    top.remove();
    return stops.length;
  });
  const reached = [];
  for (let presses = 0; presses < wanted + 40 && reached.length < wanted; presses += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const one = document.activeElement;
      if (one?.dataset?.stop === undefined) return null;
      const style = getComputedStyle(one);
      const isSeen = style.outlineStyle !== "none" || style.boxShadow !== "none";
      return { stop: Number(one.dataset.stop), isSeen };
    });
    if (stop === null) continue;
    // A date has several parts, and draws the focus on each itself.
    if (stop.stop === reached.at(-1)) continue;
    expect(stop.isSeen, `${name}: the focus on control ${stop.stop} is not seen`);
    if (reached.includes(stop.stop)) break;
    reached.push(stop.stop);
  }
  report.tabs += reached.length;
  expect(reached.length === wanted, `${name}: ${reached.length} of ${wanted} controls by Tab`);
  expect(
    reached.every((stop, n) => n === 0 || stop > reached[n - 1]),
    `${name}: the focus jumps about`,
  );
  await page.evaluate(() => document.activeElement?.blur());
}

export async function pending(persona) {
  const answer = await fetch(`${WORLD}/phone/api/${persona}/approvals`);
  return (await answer.json()).approvals ?? [];
}

export async function answer(persona, approval, decision = "approved", number = undefined) {
  const reply = await fetch(`${WORLD}/phone/api/${persona}/answers`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ approval_id: approval.approval_id, decision, number }),
  });
  return (await reply.json()).state;
}

export async function signIn(page, persona, shot = "") {
  await page.goto(`${CITY}/`);
  await page.locator("header a[href='/portal/sign-in']").click();
  if (shot) await look(page, `${shot}-sign-in`);
  await page.fill("#identifier", persona);
  await page.locator("form:has(#identifier) button[type=submit]").click();
  const number = await page.locator("[data-number]").getAttribute("data-number");
  if (shot) await look(page, `${shot}-number`);
  const asked = (await pending(persona)).filter((one) => one.template === "identity.sign_in");
  await answer(persona, asked.at(-1), "approved", number);
  await page.waitForURL((url) => !url.pathname.startsWith("/identity/"));
}

// The page shows a number (or not) and the phone asks: answer, and wait until the page has moved.
export async function approveOnPhone(page, persona) {
  const shown = page.locator("[data-number]");
  const number = (await shown.count()) ? await shown.getAttribute("data-number") : undefined;
  const before = await page.locator("[data-state]").getAttribute("data-state");
  for (const approval of await pending(persona)) {
    await answer(persona, approval, "approved", number);
  }
  await page.waitForFunction(
    (state) => document.querySelector("[data-state]")?.dataset.state !== state, before,
  );
}
