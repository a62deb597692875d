// Another people's client against our authorization server: openid-client 6 (a certified relying
// party) runs FAPI 2.0 (PAR, PKCE, private_key_jwt, DPoP), acts for a company and calls an API.
import * as jose from "jose";
import * as client from "openid-client";

const { LIONROCK_CITY: CITY, LIONROCK_WORLD: WORLD, LIONROCK_CLIENT: CLIENT_ID } = process.env;
const REDIRECT = "https://client.example/callback";
const facts = {};

const key = await jose.importPKCS8(process.env.LIONROCK_CLIENT_KEY, "ES256");
const config = await client.discovery(
  new URL(CITY), CLIENT_ID, { use_mtls_endpoint_aliases: false, require_pushed_authorization_requests: true },
  client.PrivateKeyJwt({ key, kid: process.env.LIONROCK_CLIENT_KID }),
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
);
facts.issuer = config.serverMetadata().issuer;
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));

const state = client.randomState();
const nonce = client.randomNonce();
const verifier = client.randomPKCECodeVerifier();
const address = await client.buildAuthorizationUrlWithPAR(config, {
  redirect_uri: REDIRECT, scope: "openid profile contact company programmes", state, nonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
}, { DPoP });
facts.pushed = [...address.searchParams.keys()].sort();

const returned = await signIn(address, "ada");
const tokens = await client.authorizationCodeGrant(config, returned, {
  pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
}, undefined, { DPoP });
facts.tokenType = tokens.token_type;
facts.subject = tokens.claims().sub;
const info = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
facts.name = info.name;

const api = async (token, method, path, body = undefined) => client.fetchProtectedResource(
  config, token, new URL(path, CITY), method, body,
  new Headers(body ? { "content-type": "application/json" } : {}), { DPoP },
);
const mandates = (await (await api(tokens.access_token, "GET", "/identity/v1/mandates")).json()).mandates;
const acting = await client.genericGrantRequest(
  config, "urn:ietf:params:oauth:grant-type:token-exchange", {
    subject_token: tokens.access_token,
    subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
    resource: `urn:lionrock:company:${mandates[0].company.id}`,
  }, { DPoP },
);
const cases = await api(acting.access_token, "GET", "/programmes/v1/cases");
facts.cases = { status: cases.status, list: Array.isArray((await cases.json()).cases) };

// The same token without its key is worth nothing.
const bare = await fetch(`${CITY}/identity/userinfo`, {
  headers: { authorization: `Bearer ${tokens.access_token}` },
});
facts.bearer = bare.status;
// A code is used once.
try {
  await client.authorizationCodeGrant(config, returned, {
    pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce,
  }, undefined, { DPoP });
  facts.codeTwice = "accepted";
} catch (error) {
  facts.codeTwice = error.error ?? String(error);
}
console.log(JSON.stringify(facts));

async function signIn(url, persona) {
  const page = await fetch(url, { redirect: "manual" });
  const cookie = page.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
  const form = new URLSearchParams({ ...hidden(await page.text()), identifier: persona });
  const asked = await fetch(`${CITY}/identity/authorize/sign-in`, {
    method: "POST", body: form, headers: { cookie }, redirect: "manual",
  });
  const waiting = new URL(asked.headers.get("location"), CITY);
  const shown = await (await fetch(waiting, { headers: { cookie } })).text();
  const number = /data-number="(\d+)"/.exec(shown)[1];
  const { approvals } = await (await fetch(`${WORLD}/phone/api/${persona}/approvals`)).json();
  await fetch(`${WORLD}/phone/api/${persona}/answers`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({
      approval_id: approvals.at(-1).approval_id, decision: "approved", number,
    }),
  });
  const ended = await fetch(waiting, { headers: { cookie }, redirect: "manual" });
  return new URL(ended.headers.get("location"));
}

function hidden(page) {
  const found = page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g);
  return Object.fromEntries([...found].map(([, name, value]) => [name, value]));
}
