import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { it } from 'vitest'

it('the deterministic functions of DuckDB are those of the pinned version', async () => {
  const script = fileURLToPath(new URL('../../../scripts/generate-duckdb-functions.ts', import.meta.url))
  await promisify(execFile)(process.execPath, [script, '--check'])
}, 30_000)
