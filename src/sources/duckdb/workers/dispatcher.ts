import { endsUntil } from '../../../async/ends-until.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Logger } from '../../../query/types.ts'
import { ConnectionPool, type ConnectionProvider } from '../connections/connection-pool.ts'
import { duckDbError } from '../errors.ts'
import type { Address } from '../native/library.ts'
import { Job, type JobListener } from './job.ts'
import type { Failure, WorkerRequest } from './messages.ts'
import type { TaskThreads } from './task-threads.ts'
import type { WorkerPool } from './worker-pool.ts'

/** What a dispatcher needs to know about its source. */
export interface DispatcherSetup {
  readonly source: string
  readonly log: Logger
  readonly taskThreads: TaskThreads
}

/** Options of one dispatched request. */
export interface DispatchOptions {
  /** Called when the worker has released the connection. */
  readonly onEnd?: (hasFailed: boolean) => void
  /** Whether the connection is closed afterwards, since no other statement may use it. */
  readonly closesConnection?: boolean
  /** The principal whose share of workers the statement takes, see `holderOf`. */
  readonly holder?: string | undefined
}

const never = new AbortController().signal

/**
 * Runs the requests of a source. Each gets a worker and a connection, which the dispatcher takes back when the worker has
 * finished.
 */
export class Dispatcher {
  readonly #source: string
  readonly #log: Logger
  readonly #taskThreads: TaskThreads
  readonly #running = new Set<Job>()
  #isClosing = false

  constructor({ source, log, taskThreads }: DispatcherSetup) {
    this.#source = source
    this.#log = log
    this.#taskThreads = taskThreads
  }

  /**
   * Checks out a worker and a connection, and starts a job for the request.
   * @throws GatewayError; the signal's reason; whatever `consume` throws
   */
  async dispatch<T>(
    pool: WorkerPool,
    connections: ConnectionProvider,
    requestOn: (connection: Address) => WorkerRequest,
    signal: AbortSignal,
    consume: (job: Job) => Promise<T>,
    { onEnd, closesConnection = false, holder }: DispatchOptions = {},
  ): Promise<T> {
    this.#refuseWhenClosing()
    const worker = await pool.acquire(signal, holder)
    let connection: Address
    try {
      this.#refuseWhenClosing()
      connection = connections.acquire()
    } catch (error) {
      pool.release(worker)
      throw error instanceof GatewayError ? error : duckDbError((error as Error).message, this.#source)
    }
    let stuckAt: number | undefined
    const listener: JobListener = {
      toError: (failure) => failureOf(failure, this.#source),
      onStuck: () => {
        stuckAt = performance.now()
        this.#log.warn({ event: 'stuck' }, `source ${this.#source}: a cancelled statement is still running`)
        this.#taskThreads.unwatch(worker)
        pool.markStuck(worker, holder)
      },
      onEnd: ({ isConnectionBroken, isOrphaned, hasFailed }) => {
        this.#running.delete(job)
        this.#taskThreads.unwatch(worker)
        if (isOrphaned) this.#cleanUp(pool, connections, connection)
        else connections.release(connection, !isConnectionBroken && !closesConnection && stuckAt === undefined)
        pool.release(worker)
        onEnd?.(hasFailed)
        if (stuckAt === undefined) return
        const ms = Math.round(performance.now() - stuckAt)
        this.#log.info({ event: 'stuck', ms }, `source ${this.#source}: the statement has ended`)
      },
    }
    const job = new Job(worker, requestOn(connection), signal, listener)
    this.#running.add(job)
    this.#taskThreads.watch(worker)
    return await consume(job)
  }

  /**
   * Refuses new requests and stops the running jobs.
   * @returns whether all workers and task threads finished within `maxMs`
   */
  async close(maxMs: number): Promise<boolean> {
    this.#isClosing = true
    const until = performance.now() + maxMs
    const released = [...this.#running].map((job) => {
      void job.return()
      return job.released
    })
    if (!(await endsUntil(Promise.all(released), until))) return false
    return await endsUntil(this.#taskThreads.close(), until)
  }

  #refuseWhenClosing(): void {
    if (this.#isClosing) throw new GatewayError('DRAINING')
  }

  /**
   * Closes a connection on which a dead worker left results open. They keep the connection's transaction open, so a ROLLBACK
   * comes first.
   */
  #cleanUp(pool: WorkerPool, connections: ConnectionProvider, connection: Address): void {
    const provider: ConnectionProvider = {
      acquire: () => connection,
      release: () => connections.release(connection, false),
    }
    // A transaction's connection is rolled back when its transaction ends.
    if (!(connections instanceof ConnectionPool)) {
      provider.release(connection, false)
      return
    }
    const rollback = (): WorkerRequest => ({ kind: 'execute', connection, statements: ['ROLLBACK'] })
    // A failed ROLLBACK means that no transaction was open. If the request does not even start, the connection leaks, without
    // other harm.
    this.dispatch(pool, provider, rollback, never, (job) => job.finished()).catch(() => {})
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
