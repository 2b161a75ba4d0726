import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { expect } from 'vitest'
import { commandOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { endOf, openCall } from '../e2e/raw-do-get.ts'
import { Latency } from './latency.ts'

/** Allowed growth of the process's memory during an attack, including memory that its allocator keeps. */
const MAX_GROWTH_BYTES = 300 << 20

/** The configured API key. */
export const credentials = { 'x-api-key': 'let-me-in' }

/** A gateway with an API key, in its own process, and an innocent client. */
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

  /** Opens a connection of an attacker. Its own memory limit must not reset its streams before the gateway has judged them. */
  open(settings = {}): ClientHttp2Session {
    const session = connect(`http://${this.process.flight}`, { settings, maxSessionMemory: 1024 }).on('error', () => {})
    this.#sessions.push(session)
    return session
  }

  /** Closes the attackers' connections. */
  leave(): void {
    for (const session of this.#sessions.splice(0)) session.destroy()
  }

  /** Makes a small call of the innocent client, which must succeed. */
  async askInnocently(): Promise<void> {
    const end = await endOf(openCall(this.#innocent, 'GetFlightInfo', commandOf('SELECT 1'), credentials))
    expect(end).toMatchObject({ status: 0, message: '' })
  }

  /** Makes innocent calls during an attack: each must be answered in time, and the process's memory must stay bounded. */
  async withstands(attack: Promise<unknown>): Promise<void> {
    const { rssBytes } = this.process.memory()
    const latency = new Latency(this.process.pid)
    let grownBytes = 0
    let isOver = false
    const over = attack.finally(() => {
      isOver = true
    })
    while (!isOver) {
      await latency.of(() => this.askInnocently())
      grownBytes = Math.max(grownBytes, this.process.memory().rssBytes - rssBytes)
      await sleep(10)
    }
    await over
    latency.expectShort()
    expect(grownBytes).toBeLessThan(MAX_GROWTH_BYTES)
  }

  /** Stops the gateway; it must exit cleanly. */
  async stop(): Promise<void> {
    this.leave()
    this.#innocent.destroy()
    expect(await this.process.stop()).toBe(0)
    expect(this.process.noise).toEqual([])
  }
}

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Opens a call and leaves its request open. */
export function begin(session: ClientHttp2Session, path: string, headers: object = {}): ClientHttp2Stream {
  const fields = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', ...headers }
  return session.request(fields).on('error', () => {})
}

/** A gRPC message with its prefix. @param flag 1 for a compressed message */
export function framed(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}
