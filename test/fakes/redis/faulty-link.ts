import { connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

/** A larger piece of what a client sends belongs to a large value. */
const LARGE_BYTES = 16 << 10

/** A TCP proxy in front of a server, which can delay or change what the server answers, and hold large values back. */
export class FaultyLink {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #held = new Set<Socket>()
  /** Whether a connection stops as soon as a large value comes from its client. */
  holdsLarge = false
  /** Delay of each piece of an answer, in milliseconds. */
  delayMs = 0
  /** Changes each piece of an answer. */
  change: ((answer: Buffer) => Buffer) | undefined

  private constructor(targetPort: number, tls?: TlsOptions) {
    const serve = (client: Socket) => this.#serve(client, targetPort)
    this.#server = tls ? createTlsServer(tls, serve) : createServer(serve)
  }

  /** @param tls the proxy ends TLS, for servers that cannot */
  static async start(targetPort: number, tls?: TlsOptions): Promise<FaultyLink> {
    const link = new FaultyLink(targetPort, tls)
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve))
    return link
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  /** Number of connections that have stopped. */
  get heldCount(): number {
    return this.#held.size
  }

  /** Lets large values pass, also those that were held back. */
  release(): void {
    this.holdsLarge = false
    for (const client of this.#held) client.resume()
    this.#held.clear()
  }

  /** Closes all connections, as a network does that fails. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(client: Socket, targetPort: number): void {
    const target = connect(targetPort, '127.0.0.1')
    for (const socket of [client, target]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        target.destroy()
      })
    }
    client.on('data', (data: Buffer) => {
      target.write(data)
      if (!this.holdsLarge || data.byteLength < LARGE_BYTES) return
      client.pause()
      this.#held.add(client)
    })
    target.on('data', (data: Buffer) => {
      const answer = this.change?.(data) ?? data
      if (this.delayMs === 0) client.write(answer)
      else setTimeout(() => client.writable && client.write(answer), this.delayMs)
    })
  }
}
