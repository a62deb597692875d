// A certified client (openid-client) asks over our back channel and polls for the tokens.
// In: the arguments as JSON. Out: JSON lines: the request was taken, then what it brought.
import * as client from 'openid-client'

const { issuer, clientId, jwk, kid, bindingMessage } = JSON.parse(process.argv[2])
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
const key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign'])

const config = await client.discovery(
  new URL(issuer), clientId, undefined, client.PrivateKeyJwt({ key, kid }),
  { execute: [client.allowInsecureRequests] },
)
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
const asked = await client.initiateBackchannelAuthentication(config, {
  scope: 'openid profile', login_hint: 'ada', binding_message: bindingMessage,
})
say({ expiresIn: asked.expires_in, interval: asked.interval })

const tokens = await client.pollBackchannelAuthenticationGrant(config, asked, {}, { DPoP })
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP })
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, {}, { DPoP })
const again = await client.pollBackchannelAuthenticationGrant(config, asked, {}, { DPoP })
  .then(() => 'accepted', (error) => error.error)
say({ tokenType: tokens.token_type, claims, userinfo, again, refreshed: refreshed.token_type })
process.exit(0)
