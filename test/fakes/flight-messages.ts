import { FlightData, FlightDescriptor, FlightInfo, Ticket } from '../../gen/arrow/flight/protocol/Flight.ts'
import { CommandPreparedStatementQuery, CommandStatementQuery } from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { encodeRecordBatch } from '../../src/arrow/batches/batch.ts'
import { Any } from '../../src/arrow/ipc/any.ts'
import { frameOf } from '../../src/arrow/ipc/frame.ts'
import { encapsulate } from '../../src/arrow/ipc/ipc.ts'
import { encodeSchema, type Field } from '../../src/arrow/schema.ts'

const none = new Uint8Array(0)

/** Number of rows in each batch of the fake upstream. */
export const BATCH_ROWS = 1000

/** A schema of nullable columns, without metadata. */
export function schemaOf(...columns: readonly (readonly [name: string, format: string])[]): Uint8Array {
  const children = columns.map(
    ([name, format]): Field => ({ name, format, nullable: true, metadata: [], children: [] }),
  )
  return encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children })
}

/** The schema of the fake upstream's results: one column of 64-bit integers. */
export const schema = schemaOf(['i', 'l'])

/** A FlightData message. */
export function flightData(header: Uint8Array, body: Uint8Array = none): Buffer {
  return Buffer.concat(frameOf(header, body, 0).chunks)
}

/** The schema message of the fake upstream's results. */
export const schemaMessage = flightData(schema)

/**
 * A batch of zeros in columns of 64-bit integers.
 * @param missingBytes number of bytes that the body lacks
 */
export function batchOf(columns: number, missingBytes = 0): Buffer {
  const bytes = 8 * BATCH_ROWS
  const header = encodeRecordBatch({
    rows: BATCH_ROWS,
    nodes: Array.from({ length: columns }, () => [BATCH_ROWS, 0]).flat(),
    buffers: Array.from({ length: columns }, (_, i) => [i * bytes, 0, i * bytes, bytes]).flat(),
    bodyLength: columns * bytes,
  })
  return flightData(header, new Uint8Array(columns * bytes - missingBytes))
}

/** A batch of the fake upstream's results. */
export const batchMessage = batchOf(1)

/** A FlightInfo with an endpoint for each ticket, in order. */
export function infoOf(
  tickets: readonly string[],
  { schema: announced = schema, locations = [] }: InfoParts = {},
): Uint8Array {
  const endpoint = tickets.map((ticket, i) => ({
    ticket: { ticket: Buffer.from(ticket) },
    location: (locations[i] ?? []).map((uri) => ({ uri })),
    expirationTime: undefined,
    appMetadata: none,
  }))
  return FlightInfo.encode({
    schema: announced.length > 0 ? encapsulate(announced) : none,
    flightDescriptor: undefined,
    endpoint,
    totalRecords: -1n,
    totalBytes: -1n,
    ordered: true,
    appMetadata: none,
  }).finish()
}

interface InfoParts {
  /** The announced schema; empty for none. */
  readonly schema?: Uint8Array
  /** URIs of each endpoint; by default none. */
  readonly locations?: readonly (readonly string[])[]
}

/** The statement of GetFlightInfo or DoPut, or the ticket of DoGet, without SELECT; empty for other methods. */
export function sqlOf(method: string, message: Uint8Array): string {
  if (method === 'DoGet') return withoutSelect(textOf(Ticket.decode(message).ticket))
  if (method === 'GetFlightInfo') return commandSql(FlightDescriptor.decode(message).cmd)
  if (method === 'DoPut') return commandSql(FlightData.decode(message).flightDescriptor?.cmd ?? none)
  return ''
}

function commandSql(cmd: Uint8Array): string {
  const { typeUrl, value } = Any.decode(cmd)
  if (!typeUrl.endsWith('CommandPreparedStatementQuery'))
    return withoutSelect(CommandStatementQuery.decode(value).query)
  // A handle is a number and the statement's text.
  const handle = textOf(CommandPreparedStatementQuery.decode(value).preparedStatementHandle)
  return withoutSelect(handle.replace(/^\d+:/, ''))
}

function withoutSelect(sql: string): string {
  return sql.replace(/^SELECT /, '')
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}
