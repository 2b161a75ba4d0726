import { ArrowError } from '../../../arrow/errors.ts'
import { readFlightData } from '../../../arrow/ipc/flight-data.ts'
import { readHeader } from '../../../arrow/ipc/header.ts'
import { type IpcMessage, joinStream } from '../../../arrow/ipc/ipc.ts'
import { decodeSchema, type Field } from '../../../arrow/schema.ts'
import { GatewayError } from '../../../query/errors.ts'

/** Splits a FlightData message of an upload into its parts. @throws GatewayError BAD_REQUEST */
export function readParts(message: Uint8Array): ReturnType<typeof readFlightData> {
  try {
    return readFlightData(message)
  } catch (cause) {
    throw new GatewayError('BAD_REQUEST', 'The message is not valid FlightData.', { cause })
  }
}

/**
 * Yields the Arrow messages of an upload, the schema first. Skips FlightData without an Arrow message.
 * @throws GatewayError BAD_REQUEST
 */
export async function* uploadMessages(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<IpcMessage, void, undefined> {
  let schemaCame = false
  for await (const message of startingWith(first, rest)) {
    const { header, body } = readParts(message)
    if (header.byteLength === 0) continue
    const { kind } = asRequest(() => readHeader(header))
    if ((kind === 'schema') === schemaCame)
      throw new GatewayError('BAD_REQUEST', 'The first Arrow message of an upload, and only that, must be its schema.')
    schemaCame = true
    yield { header, body }
  }
}

/** A complete upload. */
export interface Upload {
  /** The uploaded batches as an IPC stream. */
  readonly stream: Uint8Array
  readonly columns: number
}

/** Reads an upload of at most `maxBytes` bytes into memory. @throws GatewayError TOO_LARGE, BAD_REQUEST */
export async function readUpload(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Upload> {
  const messages: IpcMessage[] = []
  let total = 0
  for await (const message of uploadMessages(first, rest)) {
    total += message.header.byteLength + message.body.byteLength
    if (total > maxBytes)
      throw new GatewayError('TOO_LARGE', `The parameters are above ${maxBytes} bytes (limits.maxParameterBytes).`)
    messages.push(message)
  }
  const columns = messages[0] ? schemaOf(messages[0]).children.length : 0
  return { stream: joinStream(messages), columns }
}

/** Decodes the schema message of an upload. @throws GatewayError BAD_REQUEST */
export function schemaOf({ header }: IpcMessage): Field {
  return asRequest(() => decodeSchema(header))
}

async function* startingWith(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}

/** Runs `read` and turns an ArrowError into BAD_REQUEST: the client sent the malformed message. */
function asRequest<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof ArrowError ? new GatewayError('BAD_REQUEST', error.message, { cause: error }) : error
  }
}
