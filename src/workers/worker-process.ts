import cluster, { type Worker } from 'node:cluster'
import type { Config } from '../config/config.ts'
import type { MetricJson } from '../ops/processes/process-metrics.ts'
import type { StateHost } from '../state/ipc/state-host.ts'
import { returnConnectionsOf } from './handed-connections.ts'
import { type Addresses, type StartFailure, type ToPrimary, type ToWorker, WORKER_VARIABLE } from './messages.ts'

/** What the owner of a worker hears of it. */
export interface WorkerListener {
  onReady(addresses: Addresses): void
  onMetrics(question: number, metrics: readonly MetricJson[]): void
  /** The worker asks for a reload of all. */
  onReload(question: number, by: string, isDryRun: boolean): void
  /** The worker asks for the metrics of all. */
  onGather(question: number): void
  onEnd(end: WorkerEnd): void
}

/** The settings of the workers. */
export interface WorkerSettings {
  readonly config: Config
  /** Number of the reload that brought them; 0 for those of the start. */
  readonly reload: number
}

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number | null
  readonly signal: string | null
  /** Present if the worker could not start. */
  readonly failure: StartFailure | undefined
  /** Calls and transactions that were cut off; undefined if the worker did not end by a drain. */
  readonly cut: number | undefined
}

/** A worker process, as the primary process sees it. */
export class WorkerProcess {
  readonly number: number
  readonly #worker: Worker
  readonly #listener: WorkerListener
  readonly #state: ReturnType<StateHost['serve']>
  #isReady = false
  /** Number of the reload whose settings the worker has. */
  #reload = 0
  readonly #preparing = new Map<number, (problem: string | undefined) => void>()
  #unansweredPings = 0
  #failure: StartFailure | undefined
  #cut: number | undefined

  constructor(
    number: number,
    settings: () => WorkerSettings,
    state: StateHost,
    hasOthers: () => boolean,
    listener: WorkerListener,
  ) {
    this.number = number
    this.#listener = listener
    this.#worker = cluster.fork({ [WORKER_VARIABLE]: String(number) })
    returnConnectionsOf(this.#worker, hasOthers)
    this.#state = state.serve((reply, onSent) => this.send({ kind: 'state', reply }, onSent))
    this.#worker.on('message', (message: ToPrimary) => this.#receive(message, settings))
    // Also emitted if the process cannot be started; then `exit` is not.
    this.#worker.process.once('error', (error) => {
      if (this.#worker.process.pid !== undefined) return
      this.#failure = { message: error.message, isKnown: true, stack: undefined }
      this.#end(null, null)
    })
    this.#worker.once('exit', (code: number | null, signal: string | null) => this.#end(code, signal))
  }

  get pid(): number | undefined {
    return this.#worker.process.pid
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Pings that the worker has not answered. */
  get unansweredPings(): number {
    return this.#unansweredPings
  }

  /** Sends a message. A worker that has ended gets nothing. */
  send(message: ToWorker, onSent: () => void = () => {}): void {
    if (this.#worker.isConnected()) this.#worker.process.send(message, undefined, undefined, onSent)
    else onSent()
  }

  /** Pings the worker: its event loop answers. */
  ping(): void {
    this.#unansweredPings++
    this.send({ kind: 'ping' })
  }

  /** Number of the reload whose settings the worker has. */
  get reload(): number {
    return this.#reload
  }

  /** Lets the worker open what new settings need. @returns why it cannot; undefined if it can, or has ended */
  prepare(reload: number, config: Config): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    this.#preparing.set(reload, resolve)
    this.send({ kind: 'prepare', reload, config })
    return promise
  }

  /** Puts settings in force that the worker has prepared. */
  apply(reload: number): void {
    this.#reload = reload
    this.send({ kind: 'apply', reload })
  }

  #start({ reload, config }: WorkerSettings): void {
    this.#reload = reload
    this.send({ kind: 'start', worker: this.number, config })
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }

  #receive(message: ToPrimary, settings: () => WorkerSettings): void {
    switch (message.kind) {
      case 'hello':
        this.#start(settings())
        break
      case 'ready':
        this.#isReady = true
        this.#listener.onReady(message.addresses)
        break
      case 'failed':
        this.#failure = message.failure
        break
      case 'prepared':
        this.#preparing.get(message.reload)?.(message.problem)
        this.#preparing.delete(message.reload)
        break
      case 'reload':
        this.#listener.onReload(message.question, message.by, message.isDryRun)
        break
      case 'pong':
        this.#unansweredPings = 0
        break
      case 'drained':
        this.#cut = message.cut
        break
      case 'state':
        this.#state.receive(message.request)
        break
      case 'collected':
        this.#listener.onMetrics(message.question, message.metrics)
        break
      case 'gather':
        this.#listener.onGather(message.question)
        break
    }
  }

  #end(code: number | null, signal: string | null): void {
    this.#isReady = false
    for (const resolve of this.#preparing.values()) resolve(undefined)
    this.#preparing.clear()
    this.#state.close()
    this.#listener.onEnd({ code, signal, failure: this.#failure, cut: this.#cut })
  }
}
