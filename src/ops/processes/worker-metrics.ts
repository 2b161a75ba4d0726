import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { misnamed } from '../metrics.ts'
import type { MetricJson } from './process-metrics.ts'

/** Reads the values of gauges at each scrape. */
export interface WorkerReaders {
  readyCount(): number
  readonly configured: number
}

/** Metrics of the process that starts the workers. */
export class WorkerMetrics {
  readonly registry = new Registry()
  readonly #restarts

  constructor(read: WorkerReaders) {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    for (const name of misnamed) this.registry.removeSingleMetric(name)
    this.#restarts = new Counter({
      name: 'flightgate_worker_restarts_total',
      help: 'Workers that were replaced, by reason: exit (ended with a code), signal (were killed), stall (did not answer within limits.workerStallTimeoutMs). Only with several workers.',
      labelNames: ['reason'],
      registers,
    })
    for (const reason of ['exit', 'signal', 'stall']) this.#restarts.inc({ reason }, 0)
    new Gauge({
      name: 'flightgate_workers',
      help: 'Worker processes, by state: configured, or ready (serve clients). Only with several workers.',
      labelNames: ['state'],
      registers,
      collect() {
        this.set({ state: 'configured' }, read.configured)
        this.set({ state: 'ready' }, read.readyCount())
      },
    })
  }

  /** A worker was replaced. */
  onRestart(reason: 'exit' | 'signal' | 'stall'): void {
    this.#restarts.inc({ reason })
  }

  async read(): Promise<readonly MetricJson[]> {
    return (await this.registry.getMetricsAsJSON()) as unknown as readonly MetricJson[]
  }
}
