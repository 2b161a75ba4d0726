import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { expect } from 'vitest'
import { commandOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { endOf, openCall } from '../e2e/raw-do-get.ts'

/** What an attack may add to the memory of the process, with what its allocator does not give back. */
const MAX_GROWTH_BYTES = 300 << 20
/** How long an attack may make an innocent client wait. */
const MAX_WAIT_MS = 2000

/** The key that the gateway knows. */
export const credentials = { 'x-api-key': 'let-me-in' }

/** A gateway with a key, in a process of its own, and an innocent client of it. */
export class AttackedGateway {
  readonly process: GatewayProcess
  readonly #sessions: ClientHttp2Session[] = []
  readonly #innocent: ClientHttp2Session

  private constructor(process: GatewayProcess) {
    this.process = process
    this.#innocent = connect(`http://${process.flight}`).on('error', () => {})
  }

  static async start(): Promise<AttackedGateway> {
    const apiKeys = [{ name: 'dash', key: credentials['x-api-key'] }]
    const gateway = new AttackedGateway(await GatewayProcess.start({ auth: { apiKeys } }))
    await gateway.askInnocently()
    return gateway
  }

  /** A connection of an attacker's. */
  open(settings = {}): ClientHttp2Session {
    const session = connect(`http://${this.process.flight}`, { settings }).on('error', () => {})
    this.#sessions.push(session)
    return session
  }

  /** Ends the attackers' connections. */
  leave(): void {
    for (const session of this.#sessions.splice(0)) session.destroy()
  }

  /** A small question of a client with a key; it must be answered. */
  async askInnocently(): Promise<void> {
    const end = await endOf(openCall(this.#innocent, 'GetFlightInfo', commandOf('SELECT 1'), credentials))
    expect(end).toMatchObject({ status: 0, message: '' })
  }

  /** Asks on while an attack goes on: every answer must come soon, and the memory of the process must not grow much. */
  async withstands(attack: Promise<unknown>): Promise<void> {
    const { rssBytes } = this.process.memory()
    let grownBytes = 0
    let slowestMs = 0
    let isOver = false
    const over = attack.finally(() => {
      isOver = true
    })
    while (!isOver) {
      const since = performance.now()
      await this.askInnocently()
      slowestMs = Math.max(slowestMs, performance.now() - since)
      grownBytes = Math.max(grownBytes, this.process.memory().rssBytes - rssBytes)
      await sleep(10)
    }
    await over
    expect(slowestMs).toBeLessThan(MAX_WAIT_MS)
    expect(grownBytes).toBeLessThan(MAX_GROWTH_BYTES)
  }

  /** Ends it; it must have lost nothing on its way. */
  async stop(): Promise<void> {
    this.leave()
    this.#innocent.destroy()
    expect(await this.process.stop()).toBe(0)
    expect(this.process.noise).toEqual([])
  }
}

/** Waits. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A call whose request goes on. */
export function begin(session: ClientHttp2Session, path: string, headers: object = {}): ClientHttp2Stream {
  const fields = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', ...headers }
  return session.request(fields).on('error', () => {})
}

/** A message with its prefix. @param flag 1 when it is compressed */
export function framed(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}
