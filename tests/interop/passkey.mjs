// A person with a passkey in a real browser: Chromium's virtual authenticator, which nobody here
// wrote, enrols, opens the page and signs the answers. In three languages, with axe-core.
import { CITY, expect, launch, look, open, problems, report } from "./browser.mjs";

const PAGE = `${CITY}/identity/authenticator`;
const CODES = JSON.parse(process.env.LIONROCK_CODES);
const browser = await launch();

async function withAuthenticator(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
    },
  });
  return { cdp, authenticatorId };
}

async function said(page) {
  await page.waitForFunction(() => document.getElementById("message").textContent !== "");
  return page.locator("#message").textContent();
}

async function openPage(page) {
  await page.locator("#sign-in").click();
  await page.locator("#open").waitFor();
}

async function enrol(page, code) {
  await page.fill("#code", code);
  await page.locator("#enrol").click();
  return said(page);
}

// The portal asks; the person answers on the authenticator's page and is let in.
async function signInToPortal(phone, decision) {
  const desk = await open(browser);
  await desk.goto(`${CITY}/`);
  await desk.locator("header a[href='/portal/sign-in']").click();
  await desk.fill("#identifier", "ada");
  await desk.locator("form:has(#identifier) button[type=submit]").click();
  const number = await desk.locator("[data-number]").getAttribute("data-number");
  await phone.locator("#refresh").click();
  const card = phone.locator("#asked article", { hasText: "Sign in to" });
  await card.waitFor();
  await look(phone, "authenticator-asked");
  if (decision === "approve") await card.locator("input").fill(number);
  await card.locator(`.${decision}`).click();
  expect((await said(phone)) === "Done.", "the answer is accepted");
  await desk.waitForURL((url) => !url.pathname.startsWith("/identity/"));
  const isIn = (await desk.locator("header a[href='/portal/sign-in']").count()) === 0;
  await desk.context().close();
  return isIn;
}

async function holder() {
  const page = await open(browser, { viewport: { width: 390, height: 844 } });
  const { cdp, authenticatorId } = await withAuthenticator(page);
  await page.goto(PAGE);
  await page.locator("#closed").waitFor();
  await look(page, "authenticator-closed");
  expect(/code/.test(await enrol(page, "not-a-code")), "a wrong code is refused in words");
  expect((await enrol(page, CODES[0])) === "Enrolled. Open with your passkey.", "enrolled");
  await openPage(page);
  await look(page, "authenticator-open");
  expect((await page.locator("#devices li").count()) === 2, "the phone and the passkey are listed");
  expect(await signInToPortal(page, "approve"), "the passkey signs in to the portal");
  expect(!(await signInToPortal(page, "reject")), "a no keeps the portal closed");

  await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await page.locator("#sign-out").click();
  await page.locator("#closed").waitFor();
  await page.locator("#sign-in").click();
  await said(page);
  expect(!(await page.locator("#open").isVisible()), "without user verification nothing opens");
  await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });

  const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId });
  expect(credentials.length === 1, "one discoverable credential");
  const copy = { ...credentials[0], signCount: 0 };
  await cdp.send("WebAuthn.removeCredential", { authenticatorId, credentialId: copy.credentialId });
  await cdp.send("WebAuthn.addCredential", { authenticatorId, credential: copy });
  await page.locator("#sign-in").click();
  await said(page);
  report.copied = await page.locator("main").getAttribute("data-code");
  await page.context().close();
}

async function languages() {
  for (const language of ["zh-Hant", "zh-Hans"]) {
    const page = await open(browser, { language, viewport: { width: 390, height: 844 } });
    await page.goto(PAGE);
    await page.locator("#closed").waitFor();
    expect((await page.locator("html").getAttribute("lang")) === language, `${language} is taken`);
    await look(page, `${language}-authenticator`);
    await page.context().close();
  }
}

// A page of another site may neither frame the authenticator nor use the passkey for it.
async function framed() {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.route("http://evil.localhost/**", (route) => route.fulfill({
    contentType: "text/html", body: `<iframe src="${PAGE}"></iframe>`,
  }));
  await page.goto("http://evil.localhost/");
  await page.waitForTimeout(1_000);
  const inside = page.frames().find((frame) => frame.url().startsWith(PAGE));
  const shown = inside === undefined ? 0 : await inside.locator("#closed").count();
  expect(shown === 0, "the page cannot be framed");
  await context.close();
}

try {
  await holder();
  await languages();
  await framed();
} catch (error) {
  problems.push(String(error.stack ?? error));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ ...report, problems }));
