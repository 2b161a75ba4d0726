import { once } from 'node:events'
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Deframer } from '../../src/grpc/server/requests/deframer.ts'

/** What a scripted method answers: initial metadata, messages, and how it ends. */
export interface Answer {
  readonly headers?: Readonly<Record<string, string>>
  readonly messages?: readonly Uint8Array[]
  readonly status?: number
  readonly text?: string
  readonly trailers?: Readonly<Record<string, string>>
}

/** A call as it came, all its messages read. */
export interface ScriptedCall {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly messages: readonly Buffer[]
}

/** A gRPC server whose methods, by short name, are functions of the whole request; what is not there is UNIMPLEMENTED. */
export class ScriptedServer {
  readonly #server: Http2Server
  readonly #sessions = new Set<ServerHttp2Session>()
  /** The calls so far, also those that the client broke off. */
  readonly calls: ScriptedCall[] = []
  /** Uploads that the client broke off. */
  aborted = 0
  port = 0

  private constructor(script: Readonly<Record<string, (call: ScriptedCall) => Answer>>) {
    this.#server = createServer()
    this.#server.on('session', (session) => {
      this.#sessions.add(session)
      session.on('close', () => this.#sessions.delete(session))
      session.on('error', () => {})
    })
    this.#server.on('stream', (stream: ServerHttp2Stream, headers) => {
      const deframer = new Deframer(1 << 28)
      const messages: Buffer[] = []
      stream.on('error', () => {})
      stream.on('close', () => {
        if (stream.rstCode === 8) this.aborted++
      })
      stream.on('data', (chunk: Buffer) => messages.push(...deframer.push(chunk).map(({ bytes }) => bytes)))
      stream.on('end', () => {
        if (stream.destroyed) return
        const call = { method: String(headers[':path']).split('/').at(-1)!, headers, messages }
        this.calls.push(call)
        const answer = script[call.method]?.(call) ?? { status: 12, text: `${call.method} is not implemented` }
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', ...answer.headers },
          { waitForTrailers: true },
        )
        for (const message of answer.messages ?? []) {
          const prefix = Buffer.alloc(5)
          prefix.writeUInt32BE(message.byteLength, 1)
          stream.write(Buffer.concat([prefix, message]))
        }
        stream.once('wantTrailers', () =>
          stream.sendTrailers({
            'grpc-status': String(answer.status ?? 0),
            'grpc-message': encodeURIComponent(answer.text ?? ''),
            ...answer.trailers,
          }),
        )
        stream.end()
      })
    })
  }

  /** Starts one on a port of its own. */
  static async start(script: Readonly<Record<string, (call: ScriptedCall) => Answer>>): Promise<ScriptedServer> {
    const server = new ScriptedServer(script)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    server.port = (server.#server.address() as AddressInfo).port
    return server
  }

  get uri(): string {
    return `grpc://127.0.0.1:${this.port}`
  }

  /** Calls of a method. */
  of(method: string): readonly ScriptedCall[] {
    return this.calls.filter((call) => call.method === method)
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy()
    this.#server.close()
    await once(this.#server, 'close').catch(() => {})
  }
}
