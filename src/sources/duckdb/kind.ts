import type { SourceKind } from '../kind.ts'
import { duckDbMemory } from './memory.ts'
import { duckDbProblems, isReplaceableFile, sharedFileProblems } from './problems.ts'
import { type DuckDbSettings, duckDbSettings } from './settings.ts'
import { severalProcessesProblem, tempDirectoryOf } from './several-processes.ts'

/** The embedded DuckDB. */
export const duckDbKind: SourceKind<DuckDbSettings> = {
  schema: duckDbSettings,
  problems: duckDbProblems,
  sharedProblems: sharedFileProblems,
  isReplaceable: isReplaceableFile,
  sharing: severalProcessesProblem,
  concurrency: ({ maxStreams }) => ({ maxStreams }),
  memory: duckDbMemory,
  async open(name, settings, { log, limits, memoryLimitBytes, worker }) {
    const { openDuckDbSource } = await import('./source.ts')
    const own = worker === undefined ? {} : { tempDirectory: tempDirectoryOf(settings, worker) }
    return await openDuckDbSource(name, { ...settings, ...own, memoryLimitBytes }, { log, limits })
  },
  async *diagnose(name, settings, ctx) {
    const { diagnoseDuckDb } = await import('./diagnose.ts')
    yield* diagnoseDuckDb(name, settings, ctx)
  },
}
