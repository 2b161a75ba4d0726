import fc from 'fast-check'
import { expect, it } from 'vitest'
import { metadataTickets } from '../../../src/fronts/flight/metadata/metadata.ts'
import { Sealer } from '../../../src/query/seal/sealer.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const ticket = fc.record(
  {
    name: text,
    value: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    source: text,
    types: fc.record(
      { losslessTypes: fc.boolean(), dictionaries: fc.boolean() },
      { requiredKeys: [], noNullPrototype: true },
    ),
  },
  { requiredKeys: ['name', 'value'], noNullPrototype: true },
)

it('a metadata ticket holds every field that it was sealed with', () => {
  const principal = { name: 'dash', roles: [] }
  const expiresAt = Date.now() + 3_600_000
  const [sealer, replica] = [new Sealer(['first key']), new Sealer(['first key'])]
  fc.assert(
    fc.property(ticket, (value) => {
      const handle = metadataTickets.seal(sealer, principal, expiresAt, value)
      expect(metadataTickets.open(replica, principal, handle)).toStrictEqual({ value, expiresAt })
    }),
    { interruptAfterTimeLimit: 5000 },
  )
})
