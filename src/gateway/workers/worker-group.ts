import type { MetricJson, ProcessMetrics } from '../../ops/processes/process-metrics.ts'
import type { ReloadReport } from '../../query/admin/config-reloader.ts'
import type { StatePorts } from '../../state/state-ports.ts'

/** What a gateway that is one of several workers of the same ports gets from the process that started them. */
export interface WorkerGroup {
  /** Asks the process that started the workers to reload the configuration of all. */
  reload(by: string, isDryRun?: boolean): Promise<ReloadReport>
  /** Number of this worker, from 1 on. */
  readonly worker: number
  /** The state that the workers share if there is no Redis. */
  readonly state: StatePorts
  /** Sets where the metrics of this process come from. */
  onCollect(collect: () => Promise<readonly MetricJson[]>): void
  /** The metrics of all processes; undefined if they cannot be gathered. */
  gatherMetrics(): Promise<readonly ProcessMetrics[] | undefined>
}
