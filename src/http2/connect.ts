import { connect as connectPlain, isIP } from 'node:net'
import { type ConnectionOptions, connect as connectSecure, type TLSSocket } from 'node:tls'
import { Http2Client, type Http2ClientListener } from './client.ts'
import type { ConnectionOptions as Http2Options } from './connection.ts'
import { ReceiveBuffers } from './frames/receive-buffers.ts'

/** Server to connect to. */
export interface Http2Target {
  readonly host: string
  readonly port: number
  /** TLS options; undefined for plaintext. */
  readonly tls?: ConnectionOptions | undefined
}

/**
 * Connects a socket and starts HTTP/2 on it. The listener learns of all events, including a failure to connect.
 * Source: RFC 9113, section 3.
 */
export function connectHttp2(
  { host, port, tls }: Http2Target,
  options: Http2Options,
  listener: Http2ClientListener,
): Http2Client {
  const buffers = new ReceiveBuffers()
  const onread = {
    buffer: () => buffers.room(),
    callback: (count: number) => {
      const from = buffers.filled(count)
      client.receive(buffers.current.bytes.subarray(from, from + count))
      buffers.advance()
      return true
    },
  }
  const name = isIP(host) ? {} : { servername: host }
  // `onread` is documented, but missing from the types: https://nodejs.org/api/tls.html#tlsconnectoptions-callback.
  const secure: ConnectionOptions & { onread: typeof onread } = {
    ...name,
    ...tls,
    host,
    port,
    ALPNProtocols: ['h2'],
    onread,
  }
  const socket = tls ? connectSecure(secure) : connectPlain({ host, port, onread })
  socket.setNoDelay(true)
  // Until the close event, the socket may still write into the buffer.
  socket.once('close', () => buffers.close())
  const client = new Http2Client(socket, buffers, options, listener)
  if (tls)
    socket.once('secureConnect', () => {
      const { alpnProtocol } = socket as TLSSocket
      if (alpnProtocol && alpnProtocol !== 'h2') socket.destroy(new Error('the server does not speak HTTP/2'))
    })
  return client
}
