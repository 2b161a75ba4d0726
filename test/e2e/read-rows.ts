import { tableFromIPC } from 'apache-arrow'
import { readFlightData } from '../../src/arrow/ipc/flight-data.ts'
import { joinStream } from '../../src/arrow/ipc/ipc.ts'

/** The rows in the FlightData messages of a stream. */
export function readRows(messages: readonly Uint8Array[]): Readonly<Record<string, unknown>>[] {
  const parts = messages.map(readFlightData).filter(({ header }) => header.byteLength > 0)
  return tableFromIPC(joinStream(parts))
    .toArray()
    .map((row) => row.toJSON())
}
