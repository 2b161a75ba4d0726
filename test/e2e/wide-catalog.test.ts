import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const TABLES = 1500
const COLUMNS = 50
/** 100 tables, or 1 MiB of schemas and one table more. */
const MAX_BATCH_BYTES = 2 << 20

it.skipIf(!hasPython())(
  '1,500 tables of 50 columns: client gets all schemas in bounded batches, other clients are served meanwhile',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-catalog-'))
    const path = join(folder, 'wide.duckdb')
    await runPython('wide_catalog_file.py', path, String(TABLES), String(COLUMNS))
    const gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'reader', key: 'reader-key' },
          { name: 'worker', key: 'worker-key' },
        ],
      },
      sources: { wide: { kind: 'duckdb', path } },
    })
    const seen = await runPython<{ batches: [number, number] }>('wide_catalog.py', gateway.uri, String(COLUMNS))
    expect(seen).toEqual({
      'others were answered meanwhile': true,
      tables: [TABLES, TABLES, true],
      wrong: [],
      batches: [expect.any(Number), expect.any(Number)],
      'others beside a reader that has stopped': true,
      'the rest of a slow reader': TABLES,
      get_objects: [TABLES, TABLES * COLUMNS],
    })
    expect(seen.batches[0]).toBeGreaterThanOrEqual(TABLES / 100)
    expect(seen.batches[1]).toBeLessThan(MAX_BATCH_BYTES)
    expect(await gateway.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  },
  180_000,
)
