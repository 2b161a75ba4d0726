import type { SourceKind } from '../kind.ts'
import { bigQueryMetrics } from './metrics.ts'
import { bigQueryProblems, bigQueryWarnings, redactBigQuery } from './problems.ts'
import { type BigQuerySettings, bigQuerySettings } from './settings.ts'
import { bigQueryVariables } from './variables.ts'

/** Bytes that one result may hold: an answer of REST as text and as rows, or what its streams have sent ahead. */
const RESULT_BYTES = 64 << 20

/** Google BigQuery. */
export const bigQueryKind: SourceKind<BigQuerySettings> = {
  schema: bigQuerySettings,
  variables: bigQueryVariables,
  problems: bigQueryProblems,
  warnings: bigQueryWarnings,
  redact: redactBigQuery,
  concurrency: ({ maxStreams }) => ({ maxStreams }),
  billing: ({ pricing, limits }) => ({ pricing, limits }),
  memory: ({ maxStreams }) => ({ processBytes: maxStreams * RESULT_BYTES }),
  declareMetrics: (metrics) => void bigQueryMetrics(metrics),
  async open(name, settings, { log, metrics }) {
    const { BigQuerySource } = await import('./source.ts')
    return new BigQuerySource(name, settings, { log, observer: bigQueryMetrics(metrics) })
  },
  async *diagnose(name, settings, ctx) {
    const { diagnoseBigQuery } = await import('./diagnose.ts')
    yield* diagnoseBigQuery(name, settings, ctx)
  },
}
