import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
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

it('a process with flags of V8 opens the ledger, and ends once it has closed it', async () => {
  const file = new URL('../../../src/cost/ledger/sqlite/sqlite-ledger.ts', import.meta.url).href
  const script = `
    const { openSqliteLedger } = await import(${JSON.stringify(file)})
    const ledger = await openSqliteLedger(undefined, 'America/Los_Angeles')
    await ledger.mark('a', 1)
    await ledger.close()
    console.log('closed')`
  const flags = ['--max-old-space-size=500', '--input-type=module', '--eval', script]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, flags)
  expect([stdout, stderr]).toEqual(['closed\n', ''])
})
