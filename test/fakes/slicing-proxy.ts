import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach } from 'vitest'

/** Payload of a TCP segment on an Ethernet network. */
const MAX_PIECE_BYTES = 1448

/**
 * A TCP proxy for a server on this machine that forwards bytes in pieces of 1 to 1,448 bytes, as a real network may,
 * with a turn of the event loop between pieces. A seed determines the sizes; `SLICING_SEED` sets it.
 */
export class SlicingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly seed: number
  port = 0

  private constructor(upstreamPort: number, seed: number) {
    this.seed = seed
    const random = randomOf(seed)
    this.#server = createServer((client) => {
      const upstream = connect(upstreamPort, '127.0.0.1')
      for (const socket of [client, upstream]) {
        socket.setNoDelay(true)
        socket.on('error', () => {})
        this.#sockets.add(socket)
        socket.on('close', () => this.#sockets.delete(socket))
      }
      void passOn(client, upstream, random)
      void passOn(upstream, client, random)
    })
  }

  static async start(upstreamPort: number): Promise<SlicingProxy> {
    const proxy = new SlicingProxy(upstreamPort, Number(process.env['SLICING_SEED'] ?? Date.now() % 2 ** 31))
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    proxy.port = (proxy.#server.address() as AddressInfo).port
    return proxy
  }

  /** Starts a proxy for the server at a URI. */
  static async inFrontOf(uri: string): Promise<SlicingProxy> {
    return await SlicingProxy.start(Number(new URL(uri).port))
  }

  get uri(): string {
    return `grpc://127.0.0.1:${this.port}`
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** Registers a hook that prints the seed of the proxy, if there is one, when a test has failed. */
export function printSeedOnFailure(proxy: () => SlicingProxy | undefined): void {
  afterEach(({ task }) => {
    const seed = proxy()?.seed
    if (task.result?.state === 'fail' && seed !== undefined)
      process.stderr.write(`${task.name}: failed with SLICING_SEED=${seed}\n`)
  })
}

async function passOn(from: Socket, to: Socket, random: (below: number) => number): Promise<void> {
  try {
    for await (const data of from as AsyncIterable<Buffer>)
      for (let at = 0; at < data.length; ) {
        const end = at + 1 + random(MAX_PIECE_BYTES)
        if (!to.write(data.subarray(at, end))) await Promise.race([once(to, 'drain'), once(to, 'close')])
        if (to.destroyed) return
        at = end
        await nextTurn()
      }
    to.end()
  } catch {
    // One side reset the connection: reset the other side too.
    to.resetAndDestroy()
  } finally {
    from.destroy()
  }
}

/** Pseudo-random numbers below a bound, determined by a seed (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
