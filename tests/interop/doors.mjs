// The pages of identity in a real browser, in three languages and on a phone's width: signing in by
// identifier and by a scanned code, logging out, the directory of services, a company's own service
// on its way, and the check of a signed file. The code is read from the screen by jsqr.
import { createRequire } from "node:module";
import {
  CITY, WORLD, answer, expect, launch, look, open, pending, problems, report, signIn,
} from "./browser.mjs";

const jsqr = createRequire(import.meta.url)("jsqr");
const LANGUAGES = ["en", "zh-Hant", "zh-Hans"];
const SMALL = { viewport: { width: 360, height: 740 } };
const browser = await launch();

async function inEveryLanguage(walk) {
  for (const language of LANGUAGES) {
    const page = await open(browser, { language, ...(language === "en" ? {} : SMALL) });
    await walk(page, language);
    await page.context().close();
  }
}

async function isIn(page, language, name) {
  expect((await page.locator("html").getAttribute("lang")) === language, `${name}: in ${language}`);
  const title = await page.locator("h1").innerText();
  expect(language === "en" || /\p{Script=Han}/u.test(title), `${name} in ${language}: ${title}`);
}

// What a camera sees: the pixels of the page's picture, read by somebody else's decoder.
async function readCode(page) {
  const picture = (await page.locator("img[data-content]").screenshot()).toString("base64");
  const { pixels, width, height } = await page.evaluate(async (encoded) => {
    const bytes = Uint8Array.from(atob(encoded), (each) => each.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const pen = canvas.getContext("2d");
    pen.drawImage(bitmap, 0, 0);
    const { data } = pen.getImageData(0, 0, bitmap.width, bitmap.height);
    return { pixels: Array.from(data), width: bitmap.width, height: bitmap.height };
  }, picture);
  return jsqr(Uint8ClampedArray.from(pixels), width, height)?.data;
}

// A code is good for seconds: a person whose phone was too slow scans the next one.
async function scanTheCode(page) {
  for (let tries = 0; tries < 6; tries += 1) {
    const content = await readCode(page);
    const scan = content === undefined ? undefined : await fetch(`${WORLD}/phone/api/ada/scans`, {
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({ content }),
    });
    if (scan?.ok) return content;
    await page.waitForTimeout(1_500);
  }
  return undefined;
}

async function scanned(page, language) {
  await page.goto(`${CITY}/portal/sign-in`);
  await isIn(page, language, "sign-in");
  await look(page, `${language}-identify`);
  await page.locator("form[action$='/scan'] button").click();
  await page.locator("img[data-content]").waitFor();
  const first = await page.locator("img[data-content]").getAttribute("data-content");
  await look(page, `${language}-scan`);
  const isTaken = await scanTheCode(page);
  expect(isTaken, `${language}: the code on the screen is read and taken`);
  report.turned = (report.turned ?? 0) + (isTaken !== first ? 1 : 0);
  const number = page.locator("[data-number]");
  await number.waitFor();
  await look(page, `${language}-scanned`);
  const asked = (await pending("ada")).at(-1);
  await answer("ada", asked, "approved", await number.getAttribute("data-number"));
  await page.waitForURL((url) => !url.pathname.startsWith("/identity/"));
  expect((await page.locator("header a[href='/portal/sign-in']").count()) === 0, "signed in by scan");
}

async function loggedOut(page, language) {
  await page.goto(`${CITY}/identity/logout?ui_locales=${language}`);
  await isIn(page, language, "log-out");
  await look(page, `${language}-log-out`);
  await page.locator("main button").press("Enter");
  await page.waitForURL((url) => url.pathname.endsWith("/confirmation"));
  await look(page, `${language}-logged-out`);
}

async function directory(page, language) {
  await page.goto(`${CITY}/portal/services`);
  await isIn(page, language, "services");
  await look(page, `${language}-services`);
  const all = await page.locator("main .grid > li").count();
  const name = (await page.locator("main .grid > li h2").first().innerText()).trim();
  await page.fill("#q", name);
  await page.locator("#q").press("Enter");
  const found = await page.locator("main .grid > li h2").allInnerTexts();
  expect(found.some((each) => each.trim() === name), `${language}: the search finds ${name}`);
  expect(found.length <= all, `${language}: the search narrows`);
  await look(page, `${language}-services-found`);
  await page.locator("main .grid > li a").first().press("Enter");
  await page.waitForURL((url) => /^\/portal\/services\/./.test(url.pathname));
  await look(page, `${language}-service`);
  await page.goto(`${CITY}/portal/services?q=zzzzqqqq`);
  expect((await page.locator("main .grid > li").count()) === 0, `${language}: nothing is found`);
  await look(page, `${language}-services-none`);
}

async function checking(page, language) {
  await page.goto(`${CITY}/verify`);
  await isIn(page, language, "verify");
  await look(page, `${language}-verify`);
  await page.setInputFiles("#document", {
    name: "note.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7\nnot one\n%%EOF\n"),
  });
  await page.locator("main button").press("Enter");
  await page.locator("[data-refused], [data-valid=false]").waitFor();
  await look(page, `${language}-verify-refused`);
}

async function onboarding() {
  const page = await open(browser);
  await signIn(page, "ada");
  await page.goto(`${CITY}/portal/company`);
  const choose = page.locator("form[action='/portal/company'] button");
  if (await choose.count()) await choose.first().click();
  await page.goto(`${CITY}/portal/onboarding`);
  await look(page, "onboardings");
  for (const language of LANGUAGES) {
    await page.goto(`${CITY}/portal/onboarding/new?lang=${language}`);
    await isIn(page, language, "onboarding");
    await look(page, `${language}-onboarding-form`);
  }
  await page.goto(`${CITY}/portal/onboarding/new?lang=en`);
  for (const line of await page.locator("main input:not([type]), main input[type=text]").all()) {
    await line.fill("Tea");
  }
  await page.fill("#address", "https://tea.example/");
  await page.fill("#scopes", "openid profile");
  await page.fill("#purpose", "To greet guests.");
  await page.fill("#redirect_uris", "http://tea.example/callback");
  await page.fill("#keys", "not a key set");
  await page.locator("main form.card button").press("Enter");
  await page.locator("[data-error-code]").waitFor();
  expect((await page.inputValue("#purpose")) === "To greet guests.", "what was typed is kept");
  await look(page, "onboarding-refused");
  await page.context().close();
}

try {
  await inEveryLanguage(async (page, language) => {
    await scanned(page, language);
    await loggedOut(page, language);
    await directory(page, language);
    await checking(page, language);
  });
  await onboarding();
} catch (error) {
  problems.push(String(error.stack ?? error));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ ...report, problems }, null, 1));
process.exit(0);
