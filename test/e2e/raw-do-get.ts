import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'

type Headers = Readonly<Record<string, string>>

/**
 * Opens a call of one message on an HTTP/2 session without a gRPC client: the caller handles reading, cancelling and deadlines.
 * @param method of the Flight service, or a path
 */
export function openCall(
  session: ClientHttp2Session,
  method: string,
  message: Uint8Array,
  headers: Headers = {},
): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': method.startsWith('/') ? method : `/arrow.flight.protocol.FlightService/${method}`,
    'content-type': 'application/grpc',
    ...headers,
  })
  stream.on('error', () => {})
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  stream.end(Buffer.concat([prefix, message]))
  return stream
}

/** Opens DoGet in the same way. */
export function openDoGet(session: ClientHttp2Session, ticket: Uint8Array, headers: Headers = {}): ClientHttp2Stream {
  return openCall(session, 'DoGet', ticket, headers)
}

/** How a raw call ended. */
export interface RawEnd {
  /** The gRPC status; undefined when the stream was reset instead. */
  readonly status: number | undefined
  /** The code of the gateway's error, if there was one. */
  readonly error: string | undefined
  readonly message: string
  readonly retryAfter: string | undefined
  readonly resetCode: number
  readonly body: Buffer
}

/** Reads a raw call to its end. */
export function endOf(stream: ClientHttp2Stream): Promise<RawEnd> {
  return new Promise((resolve) => {
    let last: Readonly<Record<string, unknown>> = {}
    const chunks: Buffer[] = []
    stream.on('response', (headers) => {
      if (headers['grpc-status'] !== undefined) last = headers
    })
    stream.on('trailers', (trailers) => {
      last = trailers
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('close', () => {
      const text = (name: string) => last[name] as string | undefined
      resolve({
        status: last['grpc-status'] === undefined ? undefined : Number(last['grpc-status']),
        error: text('x-flightgate-error'),
        message: decodeURIComponent(text('grpc-message') ?? ''),
        retryAfter: text('retry-after'),
        resetCode: stream.rstCode ?? 0,
        body: Buffer.concat(chunks),
      })
    })
  })
}
