import { expect, it } from 'vitest'
import { FlightDescriptor, FlightDescriptor_DescriptorType } from '../../../gen/arrow/flight/protocol/Flight.ts'
import { packAny, readCommand } from '../../../src/fronts/flight/wire/command.ts'

it('a metadata command of more than 1 MiB is refused, since its ticket would hold it', () => {
  const requestOf = (bytes: number) =>
    FlightDescriptor.encode({
      type: FlightDescriptor_DescriptorType.CMD,
      cmd: packAny('CommandGetTables', new Uint8Array(bytes)),
      path: [],
    }).finish()
  expect(readCommand(requestOf(1 << 20))).toMatchObject({ kind: 'metadata', name: 'CommandGetTables' })
  expect(() => readCommand(requestOf((1 << 20) + 1))).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
})
