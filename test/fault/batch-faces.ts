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
export const faces: Readonly<Record<string, (gateway: GatewayProcess) => BatchClient>> = {
  'the Gateway service': (gateway) => new GrpcClient(gateway),
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

  constructor({ flight }: GatewayProcess) {
    // Clients of the same address share a connection unless they have a pool of their own.
    this.#stub = new GatewayStub(flight, { 'grpc.use_local_subchannel_pool': 1 })
  }

  run(asked: readonly Asked[], { maxConcurrency = 0, timeoutMs = 0, stopOnError = false }: Options = {}): RunningBatch {
    const statements = asked.map(({ id, source, query }) => sql(query, { id, dataSource: source }))
    const stream = this.#stub.open('executeBatch', { statements, options: { maxConcurrency, timeoutMs, stopOnError } })
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
