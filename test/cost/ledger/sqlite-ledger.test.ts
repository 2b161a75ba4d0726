import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openSqliteLedger } from '../../../src/cost/ledger/sqlite/sqlite-ledger.ts'
import { describeLedger } from './ledger-contract.ts'

describeLedger('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-ledger-'))
  return {
    open: () => openSqliteLedger(join(folder, 'state'), 'America/Los_Angeles'),
    async close() {
      rmSync(folder, { recursive: true })
    },
  }
})

it('a file that cannot be opened is told at the start', async () => {
  await expect(openSqliteLedger('/dev/null', 'America/Los_Angeles')).rejects.toThrow()
})
