// Two codecs of other people: reads JSON lines {payload} or {items} on stdin, answers a line each.
// promptparse reads and writes; emvqr reads. Neither is used at run time.
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { encode, parse, tag, withCrcTag } from 'promptparse'

const emvqr = createRequire(import.meta.url)('emvqr')

function flat(decoded) {
  const value = (item) => (typeof item.data === 'string' ? item.data : flat(item.data))
  return Object.fromEntries(Object.entries(decoded).map(([id, item]) => [id, value(item)]))
}

function attempt(action) {
  try {
    return action()
  } catch (error) {
    return { error: String(error.message ?? error) }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  const answer = asked.items
    ? { payload: withCrcTag(encode(asked.items.map(([id, value]) => tag(id, value))), '63') }
    : {
        promptparse: attempt(() => parse(asked.payload, true, true)?.getTags() ?? null),
        emvqr: attempt(() => flat(emvqr.decode(asked.payload))),
      }
  console.log(JSON.stringify(answer))
}
