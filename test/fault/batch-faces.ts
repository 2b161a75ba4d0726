import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { ExecuteBatchResponse } from '../../gen/flightgate/v1/gateway_service.ts'
import type { GatewayProcess } from '../e2e/gateway-process.ts'
import { GatewayStub, sql } from '../e2e/gateway-stub.ts'

/** A statement of a batch. */
export interface Asked {
  readonly id: string
  readonly source: string
  readonly query: string
}

/** Options of a batch. */
export interface Options {
  readonly maxConcurrency?: number
  readonly timeoutMs?: number
  readonly stopOnError?: boolean
}

/** A batch that a client reads. */
export interface RunningBatch {
  /** The status of each statement by its id, with the code of its error. @throws if the answer ends before the summary */
  readonly statuses: Promise<Readonly<Record<string, string>>>
  /** Settles when the first rows have come. */
  readonly firstRows: Promise<void>
  /** Stops reading until `resume`. */
  pause(): void
  resume(): void
  /** Ends the call. */
  leave(): void
}

/** A client of one of the faces, with a connection of its own. */
export interface BatchClient {
  run(statements: readonly Asked[], options?: Options): RunningBatch
  close(): void
}

/** The faces that take batches. */
export const faces: Readonly<Record<string, (gateway: GatewayProcess, key: string) => BatchClient>> = {
  'the Gateway service': (gateway, key) => new GrpcClient(gateway, key),
  HTTP: (gateway, key) => new HttpClient(gateway, key),
}

class Outcomes {
  readonly #byId: Record<string, string> = {}
  readonly statuses = Promise.withResolvers<Readonly<Record<string, string>>>()
  readonly firstRows = Promise.withResolvers<void>()

  constructor() {
    // A test that leaves does not wait for them.
    this.statuses.promise.catch(() => {})
    this.firstRows.promise.catch(() => {})
  }

  add(id: string, status: string, code: string | undefined): void {
    this.#byId[id] = code === undefined ? status : `${status} ${code}`
  }

  end(): void {
    this.statuses.resolve(this.#byId)
  }

  /** The answer has ended; a failure unless the summary has come. */
  close(error: Error): void {
    this.statuses.reject(error)
    this.firstRows.reject(error)
  }
}

const statusNames = ['', 'succeeded', 'failed', 'skipped', 'cancelled']

class GrpcClient implements BatchClient {
  readonly #stub: GatewayStub
  readonly #headers: Readonly<Record<string, string>>

  constructor({ flight }: GatewayProcess, key: string) {
    this.#headers = { authorization: `Bearer ${key}` }
    // Clients of the same address share a connection unless they have a pool of their own.
    this.#stub = new GatewayStub(flight, { 'grpc.use_local_subchannel_pool': 1 })
  }

  run(asked: readonly Asked[], { maxConcurrency = 0, timeoutMs = 0, stopOnError = false }: Options = {}): RunningBatch {
    const statements = asked.map(({ id, source, query }) => sql(query, { id, dataSource: source }))
    const options = { maxConcurrency, timeoutMs, stopOnError }
    const stream = this.#stub.open('executeBatch', { statements, options }, this.#headers)
    const outcomes = new Outcomes()
    stream.on('data', ({ id, part }: ExecuteBatchResponse) => {
      if (part?.$case === 'recordBatch') outcomes.firstRows.resolve()
      else if (part?.$case === 'result') outcomes.add(id, statusNames[part.value.status] ?? '', part.value.error?.code)
      else if (part?.$case === 'summary') outcomes.end()
    })
    stream.on('error', (error) => outcomes.close(error))
    return {
      statuses: outcomes.statuses.promise,
      firstRows: outcomes.firstRows.promise,
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      leave: () => stream.cancel(),
    }
  }

  close(): void {
    this.#stub.close()
  }
}

/** A line of `POST /api/v1/batch/stream`. */
interface Line {
  readonly id?: string
  readonly rows?: readonly unknown[]
  readonly status?: string
  readonly error?: { readonly code: string } | null
  readonly summary?: object
}

class HttpClient implements BatchClient {
  readonly #address: string
  readonly #key: string
  readonly #open = new Set<ClientRequest>()

  constructor({ http }: GatewayProcess, key: string) {
    this.#address = http
    this.#key = key
  }

  run(asked: readonly Asked[], { maxConcurrency, timeoutMs, stopOnError }: Options = {}): RunningBatch {
    const outcomes = new Outcomes()
    const headers = {
      authorization: `Bearer ${this.#key}`,
      'content-type': 'application/json',
      accept: 'application/x-ndjson',
    }
    const call = request(`http://${this.#address}/api/v1/batch/stream`, { method: 'POST', headers, agent: false })
    this.#open.add(call)
    const isPaused = { now: false }
    let answer: IncomingMessage | undefined
    call.on('error', (error) => outcomes.close(error))
    call.on('response', (response) => {
      answer = response
      let rest = ''
      response.setEncoding('utf8')
      response.on('error', (error) => outcomes.close(error))
      response.on('close', () => outcomes.close(new Error('the answer has no summary')))
      response.on('data', (text: string) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop()!
        for (const line of lines) if (line !== '') take(JSON.parse(line) as Line, outcomes)
      })
      if (isPaused.now) response.pause()
    })
    const queries = asked.map(({ id, source, query }) => ({ id, data_source: source, query }))
    const options = { max_concurrency: maxConcurrency, timeout_ms: timeoutMs, stop_on_error: stopOnError }
    call.end(JSON.stringify({ queries, options }))
    const pause = (now: boolean) => {
      isPaused.now = now
      if (now) answer?.pause()
      else answer?.resume()
    }
    return {
      statuses: outcomes.statuses.promise,
      firstRows: outcomes.firstRows.promise,
      pause: () => pause(true),
      resume: () => pause(false),
      leave: () => call.destroy(),
    }
  }

  close(): void {
    for (const call of this.#open) call.destroy()
  }
}

function take({ id, rows, status, error, summary }: Line, outcomes: Outcomes): void {
  if (rows) outcomes.firstRows.resolve()
  if (id !== undefined && status !== undefined) outcomes.add(id, status, error?.code)
  if (summary) outcomes.end()
}
