import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FlightDescriptor, FlightInfo } from '../../../gen/arrow/flight/protocol/Flight.ts'
import { TicketStatementQuery } from '../../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny } from '../../../src/fronts/flight/wire/command.ts'
import { encodeInfo } from '../../../src/fronts/flight/wire/encode-info.ts'

it('the hand-written FlightInfo encoder writes the same bytes as the generated code', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 40_000 })
  fc.assert(
    fc.property(
      bytes,
      bytes,
      bytes,
      fc.integer({ min: 1, max: 4_000_000_000_000 }),
      (cmd, schema, statementHandle, expiresAt) => {
        const flightDescriptor = { type: 2 as const, cmd, path: [] }
        const seconds = Math.floor(expiresAt / 1000)
        const ticket = packAny('TicketStatementQuery', TicketStatementQuery.encode({ statementHandle }).finish())
        const expected = FlightInfo.encode({
          schema,
          flightDescriptor,
          endpoint: [
            {
              ticket: { ticket },
              location: [],
              expirationTime: { seconds: BigInt(seconds), nanos: (expiresAt - seconds * 1000) * 1_000_000 },
              appMetadata: new Uint8Array(0),
            },
          ],
          totalRecords: -1n,
          totalBytes: -1n,
          ordered: true,
          appMetadata: new Uint8Array(0),
        }).finish()
        const descriptor = FlightDescriptor.encode(flightDescriptor).finish()
        expect(FlightInfo.decode(encodeInfo(descriptor, schema, statementHandle, expiresAt))).toEqual(
          FlightInfo.decode(Buffer.from(expected)),
        )
      },
    ),
    { numRuns: 200 },
  )
})
