// openid-client sends its request as a signed object (JAR, pushed), reads a signed answer (JARM),
// and opens id_token and userinfo that were encrypted to its key.
import * as client from 'openid-client'
import {
  CLIENTS, approve, checks, parametersOf, refusal, relyingParty, signingKey, tell,
} from './relying_party.mjs'

const ID = 'interop-strict'

await tell(async () => {
  const { enc } = CLIENTS[ID]
  const curve = { name: 'ECDH', namedCurve: 'P-256' }
  const key = await crypto.subtle.importKey('jwk', enc.jwk, curve, false, ['deriveBits'])
  const decrypting = { key, alg: 'ECDH-ES', kid: enc.kid }
  const { config, DPoP } = await relyingParty(
    ID, client.useJwtResponseMode,
    (each) => client.enableDecryptingResponses(each, ['A256GCM'], decrypting),
  )
  const expected = await checks()
  const parameters = await parametersOf(expected)
  const unsigned = await refusal(client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP }))
  const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, await signingKey(ID))
  const request = { request: signed.searchParams.get('request') }
  const address = await client.buildAuthorizationUrlWithPAR(config, request, { DPoP })
  const { callback } = await approve(address)
  const tokens = await client.authorizationCodeGrant(
    config, callback, { ...expected, idTokenExpected: true }, undefined, { DPoP },
  )
  const { sub } = tokens.claims()
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })
  return {
    unsigned, answered: [...callback.searchParams.keys()], name: userinfo.name,
    isOne: userinfo.sub === sub, isEncrypted: tokens.id_token.split('.').length === 5,
  }
})
