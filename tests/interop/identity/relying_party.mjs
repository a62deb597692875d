// What the relying parties here share: their keys, the sandbox's hooks (docs/sandbox-hooks.md), and
// a log-in by login_hint that no browser takes part in.
import * as client from 'openid-client'

export const CITY = process.env.LIONROCK_CITY
export const CLIENTS = JSON.parse(process.env.LIONROCK_CLIENTS)
export const REDIRECT = 'https://client.example/callback'
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' }

export async function signingKey(id) {
  const { jwk, kid } = CLIENTS[id]
  return { key: await crypto.subtle.importKey('jwk', jwk, ALGORITHM, false, ['sign']), kid }
}

// A configuration of openid-client with private_key_jwt and a DPoP key of its own.
export async function relyingParty(id, ...more) {
  const config = await client.discovery(
    new URL(CITY), id, { require_pushed_authorization_requests: true },
    client.PrivateKeyJwt(await signingKey(id)),
    { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks, ...more] },
  )
  return { config, DPoP: await newHandle(config) }
}

export async function newHandle(config) {
  return client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
}

export async function checks() {
  return {
    pkceCodeVerifier: client.randomPKCECodeVerifier(), expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
  }
}

export async function parametersOf(expected, more = {}) {
  return {
    redirect_uri: REDIRECT, scope: 'openid profile', login_hint: 'ada',
    state: expected.expectedState, nonce: expected.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(expected.pkceCodeVerifier),
    code_challenge_method: 'S256', ...more,
  }
}

// Open the address as a browser would, answer on the phone, and return where it is sent afterwards.
export async function approve(address, persona = 'ada') {
  const opened = await fetch(address, { redirect: 'manual' })
  if (opened.status !== 303) throw new Error(`authorize: ${opened.status} ${await opened.text()}`)
  const cookie = opened.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ')
  await answer(persona, 'sign_in')
  const waiting = new URL(opened.headers.get('location'), CITY)
  const decided = await fetch(waiting, { headers: { cookie, accept: 'application/json' } })
  const { status, redirect_to: to } = await decided.json()
  if (status !== 'approved') throw new Error(`the sign-in is ${status}`)
  return { callback: new URL(to), cookie }
}

export async function answer(persona, kind, decision = 'approve') {
  const phone = `${CITY}/sandbox/phones/${persona}/approvals`
  const all = await (await fetch(phone)).json()
  const asked = all.find((one) => one.kind === kind && one.status === 'pending')
  if (asked === undefined) throw new Error(`${persona} is asked no ${kind}: ${JSON.stringify(all)}`)
  const answered = await fetch(`${phone}/${asked.id}`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ decision }),
  })
  if (!answered.ok) throw new Error(`answer: ${answered.status} ${await answered.text()}`)
  return asked
}

// The error code of a refusal, from the body or from the challenge (then the cause), or "accepted".
export function refusal(promise) {
  return promise.then(() => 'accepted', (error) => error.error
    ?? error.cause?.[0]?.parameters?.error ?? error.cause?.error ?? error.code ?? String(error))
}

// Print the facts that a walk found, and end: sockets kept alive would hold the process.
export async function tell(walk) {
  try {
    console.log(JSON.stringify(await walk()))
    process.exit(0)
  } catch (error) {
    console.error(error, error.cause)
    process.exit(1)
  }
}
