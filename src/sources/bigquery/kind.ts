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
  inPlace: ['maxStreams', 'pricing'],
  concurrency: ({ maxStreams }) => ({ maxStreams }),
  billing: ({ pricing, limits }) => ({ pricing, limits }),
  memory: ({ maxStreams }) => ({ processBytes: maxStreams * RESULT_BYTES }),
  declareMetrics: (metrics) => void bigQueryMetrics(metrics),
  async open(name, settings, { log, metrics }) {
    const { BigQuerySource } = await import('./source.ts')
    const deps = { log, observer: bigQueryMetrics(metrics) }
    const own = new BigQuerySource(name, settings, deps)
    const { identity } = settings
    if (identity?.mode !== 'impersonate') return own
    const { ImpersonatingSource } = await import('./impersonating-source.ts')
    return new ImpersonatingSource(
      own,
      identity,
      (account) => new BigQuerySource(name, { ...settings, impersonate: account }, deps),
    )
  },
  async *diagnose(name, settings, ctx) {
    const { diagnoseBigQuery } = await import('./diagnose.ts')
    yield* diagnoseBigQuery(name, settings, ctx)
  },
}
