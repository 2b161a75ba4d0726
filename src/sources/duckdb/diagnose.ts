import type { Context } from '../../query/types.ts'
import type { Finding } from '../kind.ts'
import type { DuckDbConfig } from './settings.ts'
import { openDuckDbSource } from './source.ts'

/** Opens the source, runs a query and a metadata call, and closes it. */
export async function* diagnoseDuckDb(name: string, config: DuckDbConfig, ctx: Context): AsyncGenerator<Finding> {
  const where = config.path
  try {
    const source = await openDuckDbSource(name, config, { log: ctx.log })
    try {
      yield { where, step: 'open', ok: true, detail: 'the database is open and its start-up SQL has run' }
      const { ok, detail } = await source.health(ctx)
      yield { where, step: 'SELECT 1', ok, detail }
      const tables = await source.catalog.tables({ types: [] }, ctx)
      yield { where, step: 'metadata', ok: true, detail: `${tables.length} table${tables.length === 1 ? '' : 's'}` }
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
