import { endsUntil } from '../../../async/ends-until.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Logger } from '../../../query/types.ts'
import { ConnectionPool, type Lender } from '../connections/connection-pool.ts'
import { duckDbError } from '../errors.ts'
import type { Address } from '../native/library.ts'
import { Job, type JobOwner } from './job.ts'
import type { Failure, Order } from './messages.ts'
import type { TaskThreads } from './task-threads.ts'
import type { WorkerPool } from './worker-pool.ts'

/** What executions need to know of their source. */
export interface DispatcherSetup {
  readonly source: string
  readonly log: Logger
  readonly helpers: TaskThreads
}

/** What happens around an order. */
export interface OrderOptions {
  /** Told when the worker has let go. */
  readonly onEnd?: (hasFailed: boolean) => void
  /** Whether the connection is of no use to others afterwards. */
  readonly disposable?: boolean
  /** Whose statement it is. */
  readonly holder?: string | undefined
}

const never = new AbortController().signal

/** What runs on the workers of a source. Each has a worker and a connection, which go back when the worker has let go. */
export class Dispatcher {
  readonly #source: string
  readonly #log: Logger
  readonly #helpers: TaskThreads
  readonly #running = new Set<Job>()
  #isClosing = false

  constructor({ source, log, helpers }: DispatcherSetup) {
    this.#source = source
    this.#log = log
    this.#helpers = helpers
  }

  /** Takes a seat and a connection and starts the order. @throws GatewayError; as `use` does; or the signal's reason */
  async dispatch<T>(
    seats: WorkerPool,
    connections: Lender,
    order: (connection: Address) => Order,
    signal: AbortSignal,
    use: (execution: Job) => Promise<T>,
    { onEnd, disposable = false, holder }: OrderOptions = {},
  ): Promise<T> {
    this.#refuseWhenClosing()
    const seat = await seats.take(signal, holder)
    let connection: Address
    try {
      this.#refuseWhenClosing()
      connection = connections.take()
    } catch (error) {
      seats.give(seat)
      throw error instanceof GatewayError ? error : duckDbError((error as Error).message, this.#source)
    }
    let stuckAt: number | undefined
    const owner: JobOwner = {
      toError: (failure) => failureOf(failure, this.#source),
      onStuck: () => {
        stuckAt = performance.now()
        this.#log.warn({ event: 'stuck' }, `source ${this.#source}: a statement was cancelled and goes on all the same`)
        this.#helpers.unwatch(seat)
        seats.giveUp(seat, holder)
      },
      onEnd: ({ broken, isOrphaned, hasFailed }) => {
        this.#running.delete(execution)
        this.#helpers.unwatch(seat)
        if (isOrphaned) this.#cleanUp(seats, connections, connection)
        else connections.give(connection, !broken && !disposable && stuckAt === undefined)
        seats.give(seat)
        onEnd?.(hasFailed)
        if (stuckAt === undefined) return
        const ms = Math.round(performance.now() - stuckAt)
        this.#log.info({ event: 'stuck', ms }, `source ${this.#source}: the statement has ended`)
      },
    }
    const execution = new Job(seat, order(connection), signal, owner)
    this.#running.add(execution)
    this.#helpers.watch(seat)
    return await use(execution)
  }

  /** Starts none any more and stops what runs. @returns whether all workers and helpers have let go in time */
  async close(maxMs: number): Promise<boolean> {
    this.#isClosing = true
    const until = performance.now() + maxMs
    const letGo = [...this.#running].map((execution) => {
      void execution.return()
      return execution.letGo
    })
    if (!(await endsUntil(Promise.all(letGo), until))) return false
    return await endsUntil(this.#helpers.close(), until)
  }

  #refuseWhenClosing(): void {
    if (this.#isClosing) throw new GatewayError('DRAINING')
  }

  /** Gives up a connection on which a dead worker left things open, which would keep its transaction open too. */
  #cleanUp(seats: WorkerPool, connections: Lender, connection: Address): void {
    const last: Lender = { take: () => connection, give: () => connections.give(connection, false) }
    // The connection of a transaction is rolled back with it.
    if (!(connections instanceof ConnectionPool)) {
      last.give(connection, false)
      return
    }
    const rollback = (): Order => ({ kind: 'execute', connection, statements: ['ROLLBACK'] })
    // That it fails says that nothing was open; when it does not even begin, the connection is lost, which harms nobody.
    this.dispatch(seats, last, rollback, never, (execution) => execution.finished()).catch(() => {})
  }
}

function failureOf({ message, arrow, isSchemaChange, isWorkerMemory }: Failure, source: string): GatewayError {
  if (isSchemaChange)
    return new GatewayError(
      'CONFLICT',
      "The table's columns changed since this statement was planned: run it again, beginning with GetFlightInfo.",
    )
  if (isWorkerMemory)
    return new GatewayError(
      'OUT_OF_MEMORY',
      'The statement needs more memory than a worker has: ask for fewer columns, or send fewer parameters at once.',
      { cause: new Error(message) },
    )
  if (arrow === 'UNSUPPORTED') return new GatewayError('UNSUPPORTED_TYPE', message)
  return arrow ? new GatewayError('BAD_REQUEST', message) : duckDbError(message, source)
}
