import { tableFromIPC } from 'apache-arrow'
import { pino } from 'pino'
import { readFrame } from '../../../src/arrow/ipc/flight-data.ts'
import { joinStream } from '../../../src/arrow/ipc/ipc.ts'
import type { Charge } from '../../../src/query/billing/charge.ts'
import type { Context, Query, Result } from '../../../src/query/types.ts'
import type { BigQueryObserver, ResultPath } from '../../../src/sources/bigquery/metrics.ts'
import { bigQuerySettings } from '../../../src/sources/bigquery/settings.ts'
import { BigQuerySource } from '../../../src/sources/bigquery/source.ts'
import type { BigQueryFake } from '../../fakes/bigquery/fake.ts'

/** What a source has reported to its metrics. */
export interface Observed extends BigQueryObserver {
  readonly paths: ResultPath[]
  readonly outcomes: string[]
  retries: number
  dryRuns: number
}

/** Opens a source in front of a stand-in. */
export function openSource(fake: Pick<BigQueryFake, 'endpoint' | 'storageEndpoint'>, settings: object = {}) {
  const { endpoint, storageEndpoint } = fake
  const config = bigQuerySettings.parse({
    kind: 'bigquery',
    projectId: 'test-project',
    endpoint,
    storageEndpoint,
    anonymous: true,
    writes: true,
    ...settings,
  })
  const observed: Observed = {
    paths: [],
    outcomes: [],
    retries: 0,
    dryRuns: 0,
    onRetry: () => void observed.retries++,
    onDryRun: () => void observed.dryRuns++,
    onJob: (outcome) => observed.outcomes.push(outcome),
    onBill: () => {},
    onWaited: () => {},
    onResult: (path) => observed.paths.push(path),
    onResume: () => undefined,
  }
  const source = new BigQuerySource('warehouse', config, { log: pino({ level: 'silent' }), observer: observed })
  return { source, observed }
}

/** A context of a call. */
export function contextFor(changes: Partial<Context> = {}): Context {
  return {
    principal: { name: 'Dana@Example', roles: ['writer'] },
    signal: new AbortController().signal,
    deadlineAt: Number.POSITIVE_INFINITY,
    requestId: 'req-1',
    log: pino({ level: 'silent' }),
    ...changes,
  }
}

/** A query of the source. */
export function queryOf(sql: string, more: Partial<Query> = {}): Query {
  return { source: 'warehouse', sql, session: {}, purpose: 'any', ...more }
}

/** Plans and runs a statement. */
export async function runSql(source: BigQuerySource, sql: string, ctx = contextFor(), more: Partial<Query> = {}) {
  const plan = await source.plan(queryOf(sql, more), ctx)
  return await source.run(plan, ctx)
}

/** All rows of a result. */
export async function rowsOf(result: Result): Promise<Readonly<Record<string, unknown>>[]> {
  const parts = [readFrame(result.schema)]
  for await (const frames of result.frames) for (const frame of frames) parts.push(copied(readFrame(frame)))
  return tableFromIPC(joinStream(parts))
    .toArray()
    .map((row) => row.toJSON())
}

function copied({ header, body, ...rest }: ReturnType<typeof readFrame>): ReturnType<typeof readFrame> {
  return { ...rest, header: Uint8Array.from(header), body: Uint8Array.from(body) }
}

/** A charge that remembers what it was told. */
export function chargeOf(maxBilledBytes?: number) {
  const told: { submitted: string[]; bills: Parameters<Charge['settle']>[0][] } = { submitted: [], bills: [] }
  const charge: Charge = {
    id: `charge-${Math.random().toString(36).slice(2)}`,
    ...(maxBilledBytes !== undefined && { maxBilledBytes }),
    onSubmitted: async ({ jobId }) => void told.submitted.push(jobId),
    settle: (bill) => void told.bills.push(bill),
  }
  return { charge, told }
}
