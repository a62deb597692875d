// A certified client (openid-client) against our authorization server.
// In: the arguments as JSON, then the callback's address as a line. Out: JSON lines.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const { issuer, clientId, jwk, kid, redirectUri, company } = JSON.parse(process.argv[2])
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
const key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign'])

const config = await client.discovery(
  new URL(issuer), clientId, undefined, client.PrivateKeyJwt({ key, kid }),
  { execute: [client.allowInsecureRequests] },
)
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const address = await client.buildAuthorizationUrlWithPAR(config, {
  redirect_uri: redirectUri,
  scope: 'openid profile company',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce,
}, { DPoP })
say({ address: address.href })

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const callback = new URL((await lines.next()).value)
const tokens = await client.authorizationCodeGrant(
  config, callback, { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true },
  undefined, { DPoP },
)
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP })
const exchanged = await client.genericGrantRequest(
  config, 'urn:ietf:params:oauth:grant-type:token-exchange',
  {
    subject_token: tokens.access_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    resource: `urn:lionrock:company:${company}`,
  },
  { DPoP },
)
const acting = await client.fetchUserInfo(
  config, exchanged.access_token, client.skipSubjectCheck, { DPoP },
)
const twice = await client.authorizationCodeGrant(
  config, callback, { pkceCodeVerifier, expectedState, expectedNonce }, undefined, { DPoP },
).then(() => 'accepted', (error) => error.error)
const revoked = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP })
  .then(() => 'accepted', (error) => error.status ?? error.cause?.status ?? error.code)
say({ tokenType: tokens.token_type, claims, userinfo, acting, twice, revoked })
process.exit(0)
