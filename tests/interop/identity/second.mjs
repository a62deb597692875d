// A second relying party's library, oauth4webapi, step by step: each step's answer is checked by it.
import * as oauth from 'oauth4webapi'
import {
  CITY, REDIRECT, approve, checks, parametersOf, refusal, signingKey, tell,
} from './relying_party.mjs'

const insecure = { [oauth.allowInsecureRequests]: true }

await tell(async () => {
  const issuer = new URL(CITY)
  const metadata = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' })
  const as = await oauth.processDiscoveryResponse(issuer, metadata)
  const party = { client_id: 'interop-second' }
  const auth = oauth.PrivateKeyJwt(await signingKey(party.client_id))
  const DPoP = oauth.DPoP(party, await oauth.generateKeyPair('ES256'))
  const expected = await checks()
  const parameters = { response_type: 'code', ...(await parametersOf(expected)) }
  const pushed = await oauth.processPushedAuthorizationResponse(as, party, await (
    oauth.pushedAuthorizationRequest(as, party, auth, parameters, { DPoP, ...insecure })
  ))
  const address = new URL(as.authorization_endpoint)
  address.searchParams.set('client_id', party.client_id)
  address.searchParams.set('request_uri', pushed.request_uri)
  const { callback } = await approve(address)
  const answer = oauth.validateAuthResponse(as, party, callback, expected.expectedState)
  const redeem = async () => oauth.processAuthorizationCodeResponse(as, party, await (
    oauth.authorizationCodeGrantRequest(
      as, party, auth, answer, REDIRECT, expected.pkceCodeVerifier, { DPoP, ...insecure },
    )
  ), { expectedNonce: expected.expectedNonce, requireIdToken: true })
  const tokens = await redeem()
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  const userinfo = await oauth.processUserInfoResponse(as, party, sub, await (
    oauth.userInfoRequest(as, party, tokens.access_token, { DPoP, ...insecure })
  ))
  return {
    name: userinfo.name, expiresIn: pushed.expires_in, tokenType: tokens.token_type,
    twice: await refusal(redeem()),
  }
})
