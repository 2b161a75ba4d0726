import type { SourceMetrics } from '../../query/source-metrics.ts'

/** How the rows of a result came: in the first answer, by REST pages, by the Storage Read API, or by REST because that refused. */
export type ResultPath = 'inline' | 'rest' | 'storage' | 'fallback'

/** How a job ended, for the metrics. */
export type JobOutcome = 'done' | 'failed' | 'cancelled'

/** Counts the events of a BigQuery source. */
export interface BigQueryObserver {
  onRetry(): void
  onDryRun(): void
  onJob(outcome: JobOutcome): void
  onBill(processedBytes: number, billedBytes: number): void
  onWaited(seconds: number): void
  onResult(path: ResultPath): void
  /** A broken stream of the Storage Read API is read on from its last row. */
  onResume(): void
}

/** Upper bounds of buckets, in seconds. */
const jobSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]

/** Declares the metrics of a BigQuery source; `docs/metrics.md` explains each. */
export function bigQueryMetrics(metrics: SourceMetrics): BigQueryObserver {
  const retries = metrics.counter({
    name: 'flightgate_bigquery_retries_total',
    help: 'Calls to BigQuery that were repeated, because it was overloaded or did not answer.',
    labelNames: [],
  })
  const dryRuns = metrics.counter({
    name: 'flightgate_bigquery_dry_runs_total',
    help: 'Dry runs, with which statements are planned and estimated. They are free.',
    labelNames: [],
  })
  const jobs = metrics.counter({
    name: 'flightgate_bigquery_jobs_total',
    help: 'Jobs by outcome: done, failed, cancelled (by the client, a deadline or the end of the gateway).',
    labelNames: ['outcome'],
  })
  const processed = metrics.counter({
    name: 'flightgate_bigquery_processed_bytes_total',
    help: 'Bytes that jobs have processed, as BigQuery tells.',
    labelNames: [],
  })
  const billed = metrics.counter({
    name: 'flightgate_bigquery_billed_bytes_total',
    help: 'Bytes that BigQuery has billed for jobs, with its minimum and rounding.',
    labelNames: [],
  })
  const waits = metrics.histogram({
    name: 'flightgate_bigquery_job_seconds',
    help: 'Time from sending a job until its result was ready.',
    labelNames: [],
    buckets: jobSeconds,
  })
  const results = metrics.counter({
    name: 'flightgate_bigquery_results_total',
    help: 'Results by the way of their rows: inline (in the first answer), rest (REST pages), storage (Storage Read API), fallback (REST pages, because the Storage Read API refused).',
    labelNames: ['path'],
  })
  const resumes = metrics.counter({
    name: 'flightgate_bigquery_stream_resumes_total',
    help: 'Streams of the Storage Read API that broke and were read on from their last row.',
    labelNames: [],
  })
  return {
    onRetry: () => retries().inc(),
    onDryRun: () => dryRuns().inc(),
    onJob: (outcome) => jobs(outcome).inc(),
    onBill(processedBytes, billedBytes) {
      processed().inc(processedBytes)
      billed().inc(billedBytes)
    },
    onWaited: (seconds) => waits().observe(seconds),
    onResult: (path) => results(path).inc(),
    onResume: () => resumes().inc(),
  }
}
