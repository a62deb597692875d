// openid-client registers itself (RFC 7591) with a key it has just made, and uses what it was given.
import * as client from 'openid-client'
import * as jose from 'jose'
import { CITY, REDIRECT, refusal, tell } from './relying_party.mjs'

await tell(async () => {
  const { publicKey, privateKey: key } = await client.randomDPoPKeyPair('ES256')
  const public_ = { ...(await jose.exportJWK(publicKey)), kid: 'self-1', alg: 'ES256', use: 'sig' }
  const auth = client.PrivateKeyJwt({ key, kid: 'self-1' })
  const register = (changes) => client.dynamicClientRegistration(new URL(CITY), {
    client_name: 'Registered by itself', redirect_uris: [REDIRECT], scope: 'openid profile',
    grant_types: ['authorization_code'], token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [public_] }, ...changes,
  }, auth, { execute: [client.allowInsecureRequests] })
  const config = await register({})
  const given = config.clientMetadata()
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  const verifier = client.randomPKCECodeVerifier()
  const address = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: REDIRECT, scope: 'openid profile', state: client.randomState(),
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }, { DPoP })
  const page = await fetch(address, { redirect: 'manual' })
  const managed = { headers: { authorization: `Bearer ${given.registration_access_token}` } }
  const read = await fetch(given.registration_client_uri, managed)
  const gone = await fetch(given.registration_client_uri, { ...managed, method: 'DELETE' })
  const bySecret = { token_endpoint_auth_method: 'client_secret_basic' }
  return {
    hasSecret: 'client_secret' in given, page: page.status,
    isNamed: (await page.text()).includes('Registered by itself'),
    isSame: (await read.json()).client_id === given.client_id, gone: gone.status,
    afterwards: await refusal(client.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: REDIRECT, scope: 'openid', code_challenge_method: 'S256',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
    }, { DPoP })),
    weak: await refusal(register(bySecret)),
    elsewhere: await refusal(register({ redirect_uris: ['http://client.example/cb'] })),
  }
})
