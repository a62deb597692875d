// openid-client asks over the back channel in ping mode: its own server is told of the decision,
// and only then does it fetch the tokens. Then a no, in poll mode.
import * as client from 'openid-client'
import { createServer } from 'node:http'
import { answer, refusal, relyingParty, tell } from './relying_party.mjs'

const TOKEN = 'ping-token-of-forty-three-characters-1234567'

function receiver(port) {
  let told
  const taken = new Promise((resolve) => { told = resolve })
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    response.writeHead(204).end()
    told({ authorization: request.headers.authorization, body: JSON.parse(body) })
  })
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve({ taken })))
}

async function ping() {
  const { taken } = await receiver(Number(process.env.LIONROCK_PING_PORT))
  const { config, DPoP } = await relyingParty('interop-ping')
  const asked = await client.initiateBackchannelAuthentication(config, {
    scope: 'openid profile', login_hint: 'ada', binding_message: 'Counter 4',
    client_notification_token: TOKEN,
  })
  const { words } = await answer('ada', 'ciba')
  const notice = await taken
  const tokens = await client.pollBackchannelAuthenticationGrant(
    config, { ...asked, interval: 0 }, {}, { DPoP },
  )
  const { sub } = tokens.claims()
  const info = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })
  return {
    isQuoted: words.includes('Counter 4'), isOurs: notice.authorization === `Bearer ${TOKEN}`,
    isTold: notice.body.auth_req_id === asked.auth_req_id, name: info.name,
    tokenType: tokens.token_type,
  }
}

async function poll() {
  const { config, DPoP } = await relyingParty('interop-poll')
  const asked = await client.initiateBackchannelAuthentication(config, {
    scope: 'openid', login_hint: 'ben',
  })
  const polled = refusal(client.pollBackchannelAuthenticationGrant(config, asked, {}, { DPoP }))
  await answer('ben', 'ciba', 'deny')
  return { denied: await polled, interval: asked.interval }
}

await tell(async () => {
  const polled = poll()
  return { ping: await ping(), poll: await polled }
})
