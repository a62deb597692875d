// A certified client (openid-client) keeps its user signed in, asks for details and gives them back.
// In: the arguments as JSON, then the callback's address as a line. Out: JSON lines.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const { issuer, clientId, jwk, kid, redirectUri, details } = JSON.parse(process.argv[2])
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
const key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign'])

const config = await client.discovery(
  new URL(issuer), clientId, undefined, client.PrivateKeyJwt({ key, kid }),
  { execute: [client.allowInsecureRequests] },
)
const handle = async () => client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
const DPoP = await handle()
const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const address = await client.buildAuthorizationUrlWithPAR(config, {
  redirect_uri: redirectUri,
  scope: 'openid profile',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  authorization_details: JSON.stringify(details),
  claims: JSON.stringify({ userinfo: { email: { essential: true } } }),
}, { DPoP })
say({ address: address.href })

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const callback = new URL((await lines.next()).value)
const tokens = await client.authorizationCodeGrant(
  config, callback, { pkceCodeVerifier, expectedState }, undefined, { DPoP },
)
const second = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
const newKey = await handle()
const third = await client.refreshTokenGrant(
  config, second.refresh_token, { scope: 'openid' }, { DPoP: newKey },
)
const { sub } = tokens.claims()
const userinfo = await client.fetchUserInfo(config, third.access_token, sub, { DPoP: newKey })
const introspection = await client.tokenIntrospection(config, third.access_token)
await client.tokenRevocation(config, third.refresh_token)
const afterwards = await client.tokenIntrospection(config, third.access_token)
const refused = await client.refreshTokenGrant(config, third.refresh_token, undefined, { DPoP })
  .then(() => 'accepted', (error) => error.error)
say({
  rotated: new Set([tokens, second, third].map((each) => each.refresh_token)).size,
  details: tokens.authorization_details, scope: third.scope, sub, userinfo, introspection,
  afterwards, refused,
})
process.exit(0)
