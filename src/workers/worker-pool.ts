import cluster from 'node:cluster'
import type { Config } from '../config/config.ts'
import type { MetricJson } from '../ops/processes/process-metrics.ts'
import type { ReloadReport } from '../query/admin/config-reloader.ts'
import type { Logger } from '../query/types.ts'
import { StateHost } from '../state/ipc/state-host.ts'
import { GatheredMetrics } from './gathered-metrics.ts'
import type { Addresses, StartFailure } from './messages.ts'
import { RestartPolicy } from './restart-policy.ts'
import { type WorkerEnd, WorkerProcess, type WorkerSettings } from './worker-process.ts'

/** Bounds of the state that the workers share, in bytes. */
const STATE_BOUNDS = { maxStoreBytes: 32 << 20, maxBlobBytes: 256 << 20 }
const PING_MS = 500
/** Unanswered pings after which the log tells of a worker. */
const NOTICED_PINGS = 4
/** Time that workers have to end in addition to the times of the drain, in milliseconds. */
const END_MS = 5000

/** The workers could not start. */
export class WorkersFailure extends Error {
  override readonly name = 'WorkersFailure'
  /** Whether a setting is at fault. */
  readonly isKnown: boolean
  readonly workerStack: string | undefined

  constructor({ message, isKnown, stack }: StartFailure) {
    super(message)
    this.isKnown = isKnown
    this.workerStack = stack
  }
}

/** What the owner of the workers hears of them. */
export interface PoolListener {
  /** A worker starts again, after it has ended with this reason. */
  onRestart(reason: 'exit' | 'signal' | 'stall'): void
  /** A worker asks for a reload of all. */
  onReload(by: string, isDryRun: boolean): Promise<ReloadReport>
  /** Workers end again and again: the gateway should end. */
  onGiveUp(): void
}

export interface PoolParts {
  /** Configuration of each worker at the start. */
  readonly config: Config
  readonly log: Logger
  readonly listener: PoolListener
  /** Metrics of this process. */
  readonly metrics: () => Promise<readonly MetricJson[]>
}

/** How a drain ended. */
export interface DrainOutcome {
  /** Calls and transactions that were cut off. */
  readonly cut: number
  /** Whether each worker ended by itself. */
  readonly isClean: boolean
}

/**
 * The workers of a gateway: processes that serve the same ports. This process accepts the connections and hands them out in turn
 * (node:cluster, round robin). A worker that ends is replaced; one that does not answer gets no connections, and is killed.
 */
export class WorkerPool {
  readonly #parts: PoolParts
  readonly #state = new StateHost(STATE_BOUNDS)
  readonly #policy: RestartPolicy
  readonly #metrics: GatheredMetrics
  readonly #workers = new Map<number, WorkerProcess>()
  readonly #restarts = new Set<NodeJS.Timeout>()
  readonly #killed = new Set<number>()
  #pings: NodeJS.Timeout | undefined
  #addresses: Addresses | undefined
  #isEnding = false
  #settings: WorkerSettings
  #lastReload = 0
  #started: { resolve(addresses: Addresses): void; reject(error: Error): void } | undefined
  #outcome: DrainOutcome = { cut: 0, isClean: true }
  #onAllEnded: (() => void) | undefined

  constructor(parts: PoolParts) {
    this.#parts = parts
    this.#settings = { config: parts.config, reload: 0 }
    this.#policy = new RestartPolicy(parts.config.workers)
    this.#metrics = new GatheredMetrics(parts.metrics)
  }

  /** Number of workers that serve. */
  get readyCount(): number {
    return [...this.#workers.values()].filter(({ isReady }) => isReady).length
  }

  /** Ids of the processes of the workers that serve, by number. */
  get pids(): Readonly<Record<string, number | undefined>> {
    return Object.fromEntries([...this.#workers.values()].map(({ number, pid }) => [number, pid]))
  }

  /** Starts all workers and waits until each is ready. @throws WorkersFailure of the first one that cannot start */
  async start(): Promise<Addresses> {
    // Not SCHED_NONE, which NODE_CLUSTER_SCHED_POLICY may choose: the system would give a stalled worker connections too.
    cluster.schedulingPolicy = cluster.SCHED_RR
    cluster.setupPrimary({ serialization: 'advanced' })
    const { promise, resolve, reject } = Promise.withResolvers<Addresses>()
    this.#started = { resolve, reject }
    for (let number = 1; number <= this.#parts.config.workers; number++) this.#fork(number)
    try {
      const addresses = await promise
      this.#pings = setInterval(() => this.#watch(), PING_MS)
      return addresses
    } catch (error) {
      await this.stop()
      throw error
    } finally {
      this.#started = undefined
    }
  }

  /**
   * Lets all workers open what new settings need. Those that start later get the settings that are in force then.
   * @throws WorkersFailure of the first one that cannot; then no worker keeps anything open
   */
  async prepare(config: Config): Promise<{ apply(): void; abandon(): Promise<void> }> {
    const reload = ++this.#lastReload
    const asked = [...this.#workers.values()].filter(({ isReady }) => isReady)
    const abandon = async () => {
      for (const worker of asked) worker.send({ kind: 'abandon', reload })
    }
    const problems = await Promise.all(asked.map((worker) => worker.prepare(reload, config)))
    const message = problems.find((problem) => problem !== undefined)
    if (message !== undefined) {
      await abandon()
      throw new WorkersFailure({ message, isKnown: true, stack: undefined })
    }
    const apply = () => {
      this.#settings = { config, reload }
      for (const worker of asked) worker.apply(reload)
      // One that became ready meanwhile has the former settings: it starts again.
      for (const worker of this.#workers.values()) if (worker.isReady && !asked.includes(worker)) worker.kill()
    }
    return { apply, abandon }
  }

  /** Lets one worker write the line of a reload to the audit log, which this process does not open. */
  auditReload(by: string, report: ReloadReport): void {
    const worker = [...this.#workers.values()].find(({ isReady }) => isReady)
    worker?.send({ kind: 'audit-reload', by, report })
  }

  /** Drains all workers at the same time, and waits until they have ended. */
  async drain(notReadyMs: number): Promise<DrainOutcome> {
    this.#beginEnd()
    for (const worker of this.#workers.values()) worker.send({ kind: 'drain', notReadyMs })
    await this.#allEnded(notReadyMs + this.#settings.config.drain.graceMs + END_MS)
    return this.#outcome
  }

  /** Stops all workers at once. @param withinMs time after which they are killed, in milliseconds */
  async stop(withinMs = END_MS): Promise<void> {
    this.#beginEnd()
    for (const worker of this.#workers.values()) worker.send({ kind: 'stop' })
    await this.#allEnded(withinMs)
  }

  #beginEnd(): void {
    this.#isEnding = true
    for (const timer of this.#restarts) clearTimeout(timer)
    this.#restarts.clear()
  }

  async #allEnded(withinMs: number): Promise<void> {
    if (this.#workers.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const before = this.#onAllEnded
      this.#onAllEnded = () => {
        before?.()
        resolve()
      }
      const kill = setTimeout(() => {
        for (const worker of this.#workers.values()) worker.kill()
      }, withinMs)
      await promise
      clearTimeout(kill)
    }
    clearInterval(this.#pings)
  }

  #fork(number: number): void {
    const hasOthers = () => [...this.#workers.values()].some((other) => other !== worker && other.isReady)
    const worker: WorkerProcess = new WorkerProcess(number, () => this.#settings, this.#state, hasOthers, {
      onReady: (addresses) => this.#onReady(worker, addresses),
      onMetrics: (question, metrics) => this.#metrics.answered(question, metrics),
      onReload: (...asked) => void this.#reloadFor(worker, ...asked),
      onGather: (question) => this.#gatherFor(worker, question),
      onEnd: (end) => this.#onEnd(worker, end),
    })
    this.#workers.set(number, worker)
  }

  #onReady(worker: WorkerProcess, addresses: Addresses): void {
    const { log, config } = this.#parts
    const { number, pid } = worker
    if (this.#started) {
      this.#addresses ??= addresses
      if (this.readyCount === config.workers) this.#started.resolve(this.#addresses)
      return
    }
    log.info({ event: 'worker', worker: number, pid, ...addresses }, `worker ${number} serves again`)
    // A reload came while it started: it starts again, with the settings in force.
    if (worker.reload !== this.#settings.reload) worker.kill()
  }

  async #reloadFor(worker: WorkerProcess, question: number, by: string, isDryRun: boolean): Promise<void> {
    const report = await this.#parts.listener.onReload(by, isDryRun)
    worker.send({ kind: 'reloaded', question, report })
  }

  async #gatherFor(worker: WorkerProcess, question: number): Promise<void> {
    const serving = [...this.#workers.values()].filter(({ isReady }) => isReady)
    const asked = serving.map((each) => ({
      number: each.number,
      ask: (collect: number) => each.send({ kind: 'collect', question: collect }),
    }))
    const all = await this.#metrics.gather(asked)
    worker.send({ kind: 'gathered', question, all })
  }

  #watch(): void {
    const { log } = this.#parts
    const { config } = this.#settings
    const maxPings = Math.ceil(config.limits.workerStallTimeoutMs / PING_MS)
    for (const worker of this.#workers.values()) {
      if (!worker.isReady) continue
      const { number, pid, unansweredPings } = worker
      const fields = { event: 'worker', worker: number, pid }
      if (unansweredPings >= maxPings) {
        log.error(
          fields,
          `worker ${number} has not answered for ${config.limits.workerStallTimeoutMs} ms (limits.workerStallTimeoutMs): killed`,
        )
        this.#killed.add(number)
        worker.kill()
        continue
      }
      if (unansweredPings === NOTICED_PINGS)
        log.warn(fields, `worker ${number} does not answer, and gets no connections meanwhile`)
      worker.ping()
    }
  }

  #onEnd(worker: WorkerProcess, { code, signal, failure, cut }: WorkerEnd): void {
    const { log, listener } = this.#parts
    const { number, pid } = worker
    this.#workers.delete(number)
    this.#metrics.ended(number)
    const isStalled = this.#killed.delete(number)
    if (this.#isEnding) {
      this.#outcome = { cut: this.#outcome.cut + (cut ?? 0), isClean: this.#outcome.isClean && cut !== undefined }
      if (this.#workers.size === 0) this.#onAllEnded?.()
      return
    }
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`
    if (this.#started) {
      const ended = { message: `worker ${number} ended ${how}`, isKnown: true, stack: undefined }
      this.#started.reject(new WorkersFailure(failure ?? ended))
      return
    }
    const reason = isStalled ? 'stall' : signal === null ? 'exit' : 'signal'
    const fields = { event: 'worker', worker: number, pid, code, signal }
    const why = failure ? `: ${failure.message}` : ''
    const delayMs = this.#policy.delayMsAfterEndOf(number)
    if (delayMs === undefined) {
      log.error(fields, `worker ${number} ended ${how}${why}; workers end again and again`)
      listener.onGiveUp()
      return
    }
    log.error({ ...fields, delayMs }, `worker ${number} ended ${how}${why}; another one starts in ${delayMs} ms`)
    listener.onRestart(reason)
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      this.#fork(number)
    }, delayMs)
    this.#restarts.add(timer)
  }
}
