// openid-client gets a token of its own with DPoP where nonces of the server are demanded, and
// calls a protected resource with it.
import * as client from 'openid-client'
import { CITY, refusal, relyingParty, newHandle, tell } from './relying_party.mjs'

await tell(async () => {
  const { config, DPoP } = await relyingParty('interop-machine')
  const statuses = []
  config[client.customFetch] = async (...request) => {
    const answer = await fetch(...request)
    statuses.push([answer.status, answer.headers.has('dpop-nonce')])
    return answer
  }
  const tokens = await client.clientCredentialsGrant(config, { scope: 'resource' }, { DPoP })
  const resource = new URL(`${CITY}/sandbox/resource`)
  const call = (handle) => client.fetchProtectedResource(
    config, tokens.access_token, resource, 'GET', undefined, undefined, { DPoP: handle },
  )
  const seen = await (await call(DPoP)).json()
  const again = await client.clientCredentialsGrant(config, { scope: 'resource' }, { DPoP })
  return {
    statuses, tokenType: tokens.token_type, seen, again: again.token_type,
    otherKey: await call(await newHandle(config)).then((r) => r.status, (e) => e.status ?? e.cause?.status ?? String(e)),
    beyond: await refusal(
      client.clientCredentialsGrant(config, { scope: 'programmes' }, { DPoP }),
    ),
  }
})
