import { connect as connectPlain, isIP } from 'node:net'
import { type ConnectionOptions, connect as connectSecure, type TLSSocket } from 'node:tls'
import { Http2Client, type Http2ClientListener } from './client.ts'
import type { ConnectionOptions as Http2Options } from './connection.ts'
import { ReceiveBuffers } from './frames/receive-buffers.ts'

/** Whom to connect to. */
export interface Http2Target {
  readonly host: string
  readonly port: number
  /** For a connection over TLS. */
  readonly tls?: ConnectionOptions | undefined
}

/**
 * Connects a socket and begins HTTP/2 on it. How it goes is told to the listener, failures to connect among it.
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
      buffers.turn()
      return true
    },
  }
  const name = isIP(host) ? {} : { servername: host }
  // The types leave out `onread`, which the documentation names: https://nodejs.org/api/tls.html#tlsconnectoptions-callback.
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
  // Not before: until then it may still be read into.
  socket.once('close', () => buffers.close())
  const client = new Http2Client(socket, buffers, options, listener)
  if (tls)
    socket.once('secureConnect', () => {
      const { alpnProtocol } = socket as TLSSocket
      if (alpnProtocol && alpnProtocol !== 'h2') socket.destroy(new Error('the server does not speak HTTP/2'))
    })
  return client
}
