// openid-client logs in by login_hint, refreshes, is introspected and gives its tokens back; then
// it logs out, and the log-out token that reaches its own server is verified with jose.
import * as client from 'openid-client'
import * as jose from 'jose'
import { createServer } from 'node:http'
import { CITY, approve, checks, parametersOf, refusal, relyingParty, tell } from './relying_party.mjs'

const ID = 'interop-keeper'
const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

async function logIn({ config, DPoP }) {
  const expected = await checks()
  const address = await client.buildAuthorizationUrlWithPAR(
    config, await parametersOf(expected), { DPoP },
  )
  const { callback, cookie } = await approve(address)
  const tokens = await client.authorizationCodeGrant(
    config, callback, { ...expected, idTokenExpected: true }, undefined, { DPoP },
  )
  return { tokens, cookie, pushed: [...address.searchParams.keys()].sort() }
}

async function rotate({ config, DPoP }, tokens) {
  const refresh = (token) => client.refreshTokenGrant(config, token, undefined, { DPoP })
  const second = await refresh(tokens.refresh_token)
  const third = await refresh(second.refresh_token)
  const before = await client.tokenIntrospection(config, third.access_token)
  const { sub } = tokens.claims()
  const info = await client.fetchUserInfo(config, third.access_token, sub, { DPoP })
  const all = [tokens, second, third].map((each) => each.refresh_token)
  // The first was replaced and its successor was used: whoever sends it now stole one of them.
  const old = await refusal(refresh(tokens.refresh_token))
  return {
    rotated: new Set(all).size, active: before.active, tokenType: before.token_type,
    name: info.name, old, family: await refusal(refresh(third.refresh_token)),
    afterwards: (await client.tokenIntrospection(config, third.access_token)).active,
  }
}

async function giveBack({ config, DPoP }) {
  const { tokens } = await logIn({ config, DPoP })
  await client.tokenRevocation(config, tokens.access_token)
  const { active } = await client.tokenIntrospection(config, tokens.access_token)
  await client.tokenRevocation(config, tokens.refresh_token)
  const refused = await refusal(
    client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP }),
  )
  return { active, refused }
}

// The relying party's own server: takes one log-out token by form.
function logoutReceiver(port) {
  let told
  const taken = new Promise((resolve) => { told = resolve })
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    response.writeHead(200).end()
    told({ path: request.url, form: new URLSearchParams(body) })
  })
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve({ taken })))
}

async function logOut({ config, DPoP }) {
  const { taken } = await logoutReceiver(Number(process.env.LIONROCK_LOGOUT_PORT))
  const { tokens, cookie } = await logIn({ config, DPoP })
  const address = client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token, state: 'bye',
    post_logout_redirect_uri: 'https://client.example/goodbye',
  })
  const left = await fetch(address, { headers: { cookie }, redirect: 'manual' })
  const { form } = await taken
  const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
  const { payload } = await jose.jwtVerify(form.get('logout_token'), keys, {
    issuer: CITY, audience: ID, typ: 'logout+jwt', requiredClaims: ['jti', 'iat', 'exp', 'sid'],
  })
  const { sub, sid } = tokens.claims()
  return {
    left: left.headers.get('location'), hasEvent: EVENT in payload.events,
    hasNonce: 'nonce' in payload, isSame: payload.sub === sub && payload.sid === sid,
    refresh: await refusal(
      client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP }),
    ),
  }
}

await tell(async () => {
  const party = await relyingParty(ID)
  const { tokens, pushed } = await logIn(party)
  return {
    pushed, tokenType: tokens.token_type, refreshed: await rotate(party, tokens),
    revoked: await giveBack(party), loggedOut: await logOut(party),
  }
})
