import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'

/** Opens DoGet on an HTTP/2 session with nothing of gRPC's client around it: reading, cancelling and deadlines are the caller's. */
export function openDoGet(
  session: ClientHttp2Session,
  ticket: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/arrow.flight.protocol.FlightService/DoGet',
    'content-type': 'application/grpc',
    ...headers,
  })
  stream.on('error', () => {})
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(ticket.length, 1)
  stream.end(Buffer.concat([prefix, ticket]))
  return stream
}
