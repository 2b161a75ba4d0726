import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * Starts a TCP proxy that holds all bytes back by `oneWayMs` in each direction, as a distant network does: a round trip over an
 * open connection takes twice that. Bytes keep their order.
 * @returns its address; it ends with the process
 */
export async function startDelayProxy(target: string, oneWayMs: number): Promise<string> {
  const [host, port] = target.split(':')
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: host!, port: Number(port), noDelay: true })
    delay(client, upstream, oneWayMs)
    delay(upstream, client, oneWayMs)
  })
  server.unref()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

function delay(from: Socket, to: Socket, ms: number): void {
  // Timers of the same length fire in the order in which they were set.
  from.on('data', (bytes) => setTimeout(() => to.write(bytes), ms))
  from.on('end', () => setTimeout(() => to.end(), ms))
  from.on('error', () => to.destroy())
}
