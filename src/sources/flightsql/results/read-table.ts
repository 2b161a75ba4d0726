import { Table, tableFromIPC } from 'apache-arrow'
import { withoutCompression } from '../../../arrow/compression/decompress.ts'
import { ArrowError } from '../../../arrow/errors.ts'
import { readFlightData } from '../../../arrow/ipc/flight-data.ts'
import { readCompressedDictionary, readCompressedLayout, readHeader } from '../../../arrow/ipc/header.ts'
import { type IpcMessage, joinStream } from '../../../arrow/ipc/ipc.ts'
import { decodeSchema } from '../../../arrow/schema.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'

/**
 * Reads a small result of an upstream, such as a list of tables. It checks each message first, because the Arrow library trusts
 * the lengths that a message states.
 * @param messages complete FlightData messages
 * @param take extracts the values; an error that it throws means that the table is malformed
 * @throws GrpcFailure DATA_LOSS
 */
export async function readTable<T>(messages: readonly Uint8Array[], take: (table: Table) => T): Promise<T> {
  try {
    const parts: IpcMessage[] = []
    for (const message of messages) {
      const { header, body } = readFlightData(message)
      // Skip messages with only application metadata.
      if (header.byteLength > 0) parts.push(await checked({ header, body }))
    }
    return take(parts.length === 0 ? new Table() : tableFromIPC(joinStream(parts)))
  } catch (cause) {
    throw malformedTable(cause)
  }
}

/**
 * The values of a row of such a table, which the Arrow library reads only now. Texts, numbers and bytes: no table of Flight SQL that
 * the gateway reads has lists or structs, which the library would read even later.
 * @throws GrpcFailure DATA_LOSS
 */
export function rowValues(row: { toJSON(): object }): Record<string, unknown> {
  let values: Record<string, unknown>
  try {
    values = row.toJSON() as Record<string, unknown>
  } catch (cause) {
    throw malformedTable(cause)
  }
  for (const name in values) {
    const value = values[name]
    if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array))
      throw malformedTable(new ArrowError('MALFORMED', `The column ${name.slice(0, 100)} has values of a nested type.`))
  }
  return values
}

function malformedTable(cause: unknown): GrpcFailure {
  const why = cause instanceof ArrowError ? ` (${cause.message})` : ''
  return new GrpcFailure('DATA_LOSS', `a table of the server is malformed${why}`, 'local', { cause })
}

/** @throws ArrowError */
async function checked(message: IpcMessage): Promise<IpcMessage> {
  const { kind, bodyLength } = readHeader(message.header)
  if (kind === 'schema') {
    decodeSchema(message.header)
    return message
  }
  if (message.body.byteLength < bodyLength)
    throw new ArrowError('MALFORMED', 'A batch is shorter than its header says.')
  const plain = await withoutCompression(message)
  const { rows, nodes } =
    kind === 'batch' ? readCompressedLayout(plain.header).layout : readCompressedDictionary(plain.header).layout
  // In these tables a row takes at least one bit of each column.
  const maxRows = 8 * plain.body.byteLength
  if (rows > maxRows || nodes.some((value) => value > maxRows))
    throw new ArrowError('MALFORMED', 'A batch has fewer bytes than rows.')
  return plain
}
