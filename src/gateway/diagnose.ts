import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Context } from '../query/types.ts'
import { openDuckDbSource } from '../sources/duckdb/source.ts'
import { diagnoseFlightSql, type Finding } from '../sources/flightsql/diagnose.ts'

/** A finding about a source. */
export interface SourceFinding extends Finding {
  readonly source: string
}

/** Looks at each configured source step by step; nothing is served meanwhile. */
export async function* diagnose(config: Config, log: Logger, signal: AbortSignal): AsyncGenerator<SourceFinding> {
  const ctx: Context = {
    principal: { name: 'doctor', roles: ['reader'] },
    signal,
    deadlineAt: Number.POSITIVE_INFINITY,
    requestId: 'doctor',
    log,
  }
  for (const [name, source] of Object.entries(config.sources)) {
    const findings =
      source.kind === 'duckdb' ? diagnoseDuckDb(name, source, ctx, log) : diagnoseFlightSql(name, source, ctx)
    for await (const finding of findings) yield { source: name, ...finding }
  }
}

async function* diagnoseDuckDb(
  name: string,
  config: Extract<Config['sources'][string], { kind: 'duckdb' }>,
  ctx: Context,
  log: Logger,
): AsyncGenerator<Finding> {
  const where = config.path
  try {
    const source = await openDuckDbSource(name, config, { log })
    try {
      yield { where, step: 'open', ok: true, detail: 'the database is open and its start-up SQL has run' }
      const { ok, detail } = await source.health(ctx)
      yield { where, step: 'SELECT 1', ok, detail }
      const tables = await source.catalog.tables({ types: [] }, ctx)
      yield { where, step: 'metadata', ok: true, detail: `${tables.length} tables` }
    } finally {
      await source.close()
    }
  } catch (error) {
    yield {
      where,
      step: 'open',
      ok: false,
      detail: (error as Error).message.split('\n')[0]!,
      advice: `Check sources.${name}.path and init; another process may hold the file.`,
    }
  }
}
