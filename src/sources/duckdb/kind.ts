import type { SourceKind } from '../kind.ts'
import { duckDbMemory } from './memory.ts'
import { duckDbProblems, sharedFileProblems } from './problems.ts'
import { type DuckDbSettings, duckDbSettings } from './settings.ts'

/** The embedded DuckDB. */
export const duckDbKind: SourceKind<DuckDbSettings> = {
  schema: duckDbSettings,
  problems: duckDbProblems,
  sharedProblems: sharedFileProblems,
  concurrency: ({ maxStreams }) => ({ maxStreams }),
  memory: duckDbMemory,
  async open(name, settings, { log, limits, memoryLimitBytes }) {
    const { openDuckDbSource } = await import('./source.ts')
    return await openDuckDbSource(name, { ...settings, memoryLimitBytes }, { log, limits })
  },
  async *diagnose(name, settings, ctx) {
    const { diagnoseDuckDb } = await import('./diagnose.ts')
    yield* diagnoseDuckDb(name, settings, ctx)
  },
}
