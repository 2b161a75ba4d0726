import { type IncomingMessage, request } from 'node:http'
import type { GatewayProcess } from './gateway-process.ts'

/** An answer that is being read, also when it breaks off. */
export class HttpAnswer {
  readonly #message: IncomingMessage
  readonly #chunks: Buffer[] = []
  /** Whether the answer came to its end; false if the connection was cut before. */
  readonly ended: Promise<boolean>

  private constructor(message: IncomingMessage) {
    this.#message = message
    message.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
    message.on('error', () => {})
    this.ended = new Promise((resolve) => message.once('close', () => resolve(message.complete)))
  }

  /** Posts a body as JSON and returns when the head of the answer has come. */
  static async post(
    gateway: GatewayProcess,
    path: string,
    body: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HttpAnswer> {
    const asked = request(`http://${gateway.http}/api/v1/${path}`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
    })
    const answered = new Promise<HttpAnswer>((resolve, reject) => {
      asked.once('response', (message) => resolve(new HttpAnswer(message)))
      asked.once('error', reject)
    })
    asked.end(JSON.stringify(body))
    return await answered
  }

  get status(): number {
    return this.#message.statusCode!
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  /** What has come so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Stops reading. */
  pause(): void {
    this.#message.pause()
  }

  /** Reads on. */
  resume(): void {
    this.#message.resume()
  }

  /** Closes the connection. */
  close(): void {
    this.#message.destroy()
  }
}
