import { FlightDescriptor, FlightDescriptor_DescriptorType } from '../../../../gen/arrow/flight/protocol/Flight.ts'
import {
  CommandPreparedStatementQuery,
  CommandStatementQuery,
  TicketStatementQuery,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import { Any } from '../../../arrow/ipc/any.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import { GatewayError } from '../../../query/errors.ts'
import { isMetadataCommand } from '../metadata/metadata.ts'

const TYPE_PREFIX = 'type.googleapis.com/'
const SQL_PREFIX = `${TYPE_PREFIX}arrow.flight.protocol.sql.`
const anyStart = Buffer.from(TYPE_PREFIX)
/** Largest metadata command: its ticket holds it. */
const MAX_METADATA_BYTES = 1 << 20

/** The command of a descriptor: a statement, a prepared statement, or metadata. */
export type Command =
  | { readonly kind: 'statement'; readonly sql: string; readonly transaction?: Uint8Array; readonly rawCommand?: true }
  | { readonly kind: 'prepared'; readonly handle: Uint8Array }
  | { readonly kind: 'metadata'; readonly name: string; readonly value: Uint8Array }

/** A Flight SQL message unpacked from `Any`, with its short name. */
export interface PackedMessage {
  readonly name: string
  readonly value: Uint8Array
}

/** Packs a Flight SQL message into `Any`, the envelope of commands, tickets and action bodies. */
export function packAny(name: string, value: Uint8Array): Uint8Array {
  return Any.encode({ typeUrl: SQL_PREFIX + name, value }).finish()
}

/**
 * Unpacks a Flight SQL message from `Any`. Returns undefined if the bytes are not an `Any`.
 * @throws GatewayError BAD_REQUEST if the bytes start as an `Any` but are malformed or contain no Flight SQL message
 */
export function unpackAny(bytes: Uint8Array): PackedMessage | undefined {
  // Field 1 of Any is its type URL; SQL text may begin with the same byte (a line feed), never with the URL.
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view[0] !== 0x0a || view.indexOf(anyStart) < 0 || view.indexOf(anyStart) > 4) return undefined
  const { typeUrl, value } = decodeMessage(Any, bytes)
  if (!typeUrl.startsWith(SQL_PREFIX))
    throw new GatewayError('BAD_REQUEST', `The message type ${typeUrl.slice(0, 200)} is not one of Flight SQL.`)
  return { name: typeUrl.slice(SQL_PREFIX.length), value }
}

/** Unpacks the message that the body of an action must contain. @throws GatewayError BAD_REQUEST */
export function unpackBody(body: Uint8Array, name: string): Uint8Array {
  const packed = unpackAny(body)
  if (packed?.name !== name) throw new GatewayError('BAD_REQUEST', `The body of the action must be a packed ${name}.`)
  return packed.value
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
/** Number of characters to check for binary data. */
const SNIFFED_CHARACTERS = 4096

/**
 * Reads the command of a descriptor: a Flight SQL command inside `Any`, or SQL as plain UTF-8 text.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html.
 * @throws GatewayError BAD_REQUEST, TOO_LARGE, UNIMPLEMENTED
 */
export function readCommand(request: Uint8Array): Command {
  const descriptor = decodeMessage(FlightDescriptor, request)
  if (descriptor.type === FlightDescriptor_DescriptorType.PATH)
    throw new GatewayError('UNKNOWN_OBJECT', 'There are no flights by path: send SQL or a Flight SQL command.')
  const packed = unpackAny(descriptor.cmd)
  if (!packed) return { kind: 'statement', sql: readSqlText(descriptor.cmd), rawCommand: true }
  if (packed.name === 'CommandStatementQuery') {
    const { query, transactionId } = decodeMessage(CommandStatementQuery, packed.value)
    return { kind: 'statement', sql: query, ...(transactionId?.byteLength && { transaction: transactionId }) }
  }
  if (packed.name === 'CommandPreparedStatementQuery') {
    const { preparedStatementHandle } = decodeMessage(CommandPreparedStatementQuery, packed.value)
    return { kind: 'prepared', handle: preparedStatementHandle }
  }
  if (isMetadataCommand(packed.name)) {
    if (packed.value.byteLength > MAX_METADATA_BYTES)
      throw new GatewayError('TOO_LARGE', `The command ${packed.name} is above ${MAX_METADATA_BYTES} bytes.`)
    return { kind: 'metadata', ...packed }
  }
  throw new GatewayError('UNIMPLEMENTED', `The command ${packed.name.slice(0, 100)} is not implemented.`)
}

/**
 * Returns the sealed handle in a ticket.
 * @throws GatewayError BAD_TICKET
 */
export function readTicketHandle(ticket: Uint8Array): Uint8Array {
  let packed: PackedMessage | undefined
  try {
    packed = unpackAny(ticket)
    if (packed?.name === 'TicketStatementQuery') return TicketStatementQuery.decode(packed.value).statementHandle
  } catch (cause) {
    throw new GatewayError('BAD_TICKET', undefined, { cause })
  }
  throw new GatewayError('BAD_TICKET')
}

function readSqlText(cmd: Uint8Array): string {
  let text: string
  try {
    text = utf8.decode(cmd)
  } catch (cause) {
    throw new GatewayError('BAD_REQUEST', 'The command is neither a Flight SQL message nor UTF-8 text.', { cause })
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters tell binary garbage from SQL
  if (text.includes('\0') || /[\x01-\x08\x0e-\x1f]/.test(text.slice(0, SNIFFED_CHARACTERS)))
    throw new GatewayError('BAD_REQUEST', 'The command is neither a Flight SQL message nor SQL text.')
  return text
}
