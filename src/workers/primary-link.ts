import type { Config } from '../config/config.ts'
import type { MetricJson, ProcessMetrics } from '../ops/processes/process-metrics.ts'
import type { ReloadReport } from '../query/admin/config-reloader.ts'
import { GatewayError } from '../query/errors.ts'
import { WorkerState } from '../state/ipc/worker-state.ts'
import type { StatePorts } from '../state/state-ports.ts'
import { type Addresses, type StartFailure, type ToPrimary, type ToWorker, WORKER_VARIABLE } from './messages.ts'

/** Time that the primary process has to gather the metrics of all workers, in milliseconds. */
const GATHER_MS = 2000

/** Time that a reload of all workers may take, in milliseconds; that of one which runs already included. */
const RELOAD_MS = 150_000

/** What a worker does when the primary process says so. */
export interface WorkerCommands {
  drain(notReadyMs: number): void
  stop(): void
  /** Opens what new settings need. @returns why it cannot; undefined if it can */
  prepare(reload: number, config: Config): Promise<string | undefined>
  /** Puts prepared settings in force. */
  apply(reload: number): void
  /** Closes what was opened for settings that do not come into force. */
  abandon(reload: number): void
  /** Writes the line of a reload to the audit log. */
  auditReload(by: string, report: ReloadReport): void
  /** The primary process has ended. */
  orphaned(): void
}

/** Whether this process is a worker of a gateway. */
export function isWorkerProcess(): boolean {
  return process.connected && process.env[WORKER_VARIABLE] !== undefined
}

/** The side of a worker: its connection to the primary process. */
export class PrimaryLink {
  readonly #commands: WorkerCommands
  readonly #state = new WorkerState((request) => this.#send({ kind: 'state', request }))
  readonly #started = Promise.withResolvers<{ readonly worker: number; readonly config: Config }>()
  readonly #questions = new Map<number, (all: readonly ProcessMetrics[]) => void>()
  readonly #reloads = new Map<number, (report: ReloadReport) => void>()
  #lastQuestion = 0
  #collect: () => Promise<readonly MetricJson[]> = async () => []

  constructor(commands: WorkerCommands) {
    this.#commands = commands
    process.on('message', (message: ToWorker) => this.#receive(message))
    // Before the listener of node:cluster, which ends the process.
    process.prependListener('disconnect', () => {
      this.#state.disconnected()
      commands.orphaned()
    })
    // An unreferenced channel, as the guard of `npm start` makes it, would let the process end.
    process.channel?.ref()
    this.#send({ kind: 'hello' })
  }

  /** The number of this worker, and its configuration. */
  get started(): Promise<{ readonly worker: number; readonly config: Config }> {
    return this.#started.promise
  }

  /** The ports of the state that the workers share. */
  get state(): StatePorts {
    return this.#state.ports
  }

  /** Sets where the metrics of this process come from. */
  onCollect(collect: () => Promise<readonly MetricJson[]>): void {
    this.#collect = collect
  }

  /** The metrics of all processes; undefined if the primary process does not answer in time. */
  async gatherMetrics(): Promise<readonly ProcessMetrics[] | undefined> {
    const question = ++this.#lastQuestion
    const { promise, resolve } = Promise.withResolvers<readonly ProcessMetrics[] | undefined>()
    this.#questions.set(question, resolve)
    const timer = setTimeout(resolve, GATHER_MS, undefined)
    this.#send({ kind: 'gather', question })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#questions.delete(question)
    }
  }

  /** Asks the primary process to reload the configuration of all workers. @throws GatewayError if it does not answer in time */
  async reload(by: string, isDryRun = false): Promise<ReloadReport> {
    const question = ++this.#lastQuestion
    const { promise, resolve, reject } = Promise.withResolvers<ReloadReport>()
    this.#reloads.set(question, resolve)
    const late = new GatewayError('DEADLINE', 'The reload has not ended in time: the log says what it does.')
    const timer = setTimeout(reject, RELOAD_MS, late)
    this.#send({ kind: 'reload', question, by, isDryRun })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#reloads.delete(question)
    }
  }

  ready(addresses: Addresses): void {
    this.#send({ kind: 'ready', addresses })
  }

  /** Tells that this worker cannot start; returns when the message is written. */
  async failed(failure: StartFailure): Promise<void> {
    await this.#sent({ kind: 'failed', failure })
  }

  /** Tells that this worker has drained; returns when the message is written. */
  async drained(cut: number): Promise<void> {
    await this.#sent({ kind: 'drained', cut })
  }

  #send(message: ToPrimary, onSent: () => void = () => {}): void {
    if (process.connected) process.send!(message, undefined, undefined, onSent)
    else onSent()
  }

  #sent(message: ToPrimary): Promise<void> {
    return new Promise((resolve) => this.#send(message, resolve))
  }

  #receive(message: ToWorker): void {
    switch (message.kind) {
      case 'start':
        this.#started.resolve(message)
        break
      case 'ping':
        this.#send({ kind: 'pong' })
        break
      case 'drain':
        this.#commands.drain(message.notReadyMs)
        break
      case 'stop':
        this.#commands.stop()
        break
      case 'state':
        this.#state.receive(message.reply)
        break
      case 'collect':
        this.#collect().then((metrics) => this.#send({ kind: 'collected', question: message.question, metrics }))
        break
      case 'prepare':
        this.#commands
          .prepare(message.reload, message.config)
          .then((problem) => this.#send({ kind: 'prepared', reload: message.reload, problem }))
        break
      case 'apply':
      case 'abandon':
        this.#commands[message.kind](message.reload)
        break
      case 'audit-reload':
        this.#commands.auditReload(message.by, message.report)
        break
      case 'reloaded':
        this.#reloads.get(message.question)?.(message.report)
        break
      case 'gathered':
        this.#questions.get(message.question)?.(message.all)
        break
    }
  }
}
