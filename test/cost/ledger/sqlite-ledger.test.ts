import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { LEDGER_FILE, openSqliteLedger } from '../../../src/cost/ledger/sqlite/sqlite-ledger.ts'
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

it('only the user of the process may read the files, also in a folder of others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-ledger-'))
  chmodSync(folder, 0o755)
  const ledger = await openSqliteLedger(folder, 'America/Los_Angeles')
  const rightsOf = (name: string) => statSync(join(folder, name)).mode & 0o777
  for (const file of readdirSync(folder)) expect(rightsOf(file), file).toBe(0o600)
  expect(readdirSync(folder)).toContain(LEDGER_FILE)
  await ledger.close()
  rmSync(folder, { recursive: true })
})

it('a file of the version without labels keeps its sums, and takes labels from now on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-ledger-'))
  const db = new DatabaseSync(join(folder, LEDGER_FILE))
  db.exec(`
    CREATE TABLE statements (
      id TEXT PRIMARY KEY, source TEXT NOT NULL, principal TEXT NOT NULL, groups TEXT NOT NULL, hash TEXT NOT NULL, text TEXT,
      day TEXT NOT NULL, state INTEGER NOT NULL, nano INTEGER NOT NULL, bytes INTEGER NOT NULL,
      at INTEGER NOT NULL, expires_at INTEGER NOT NULL, project TEXT, location TEXT, job_id TEXT,
      spent INTEGER NOT NULL DEFAULT 0, billed INTEGER NOT NULL DEFAULT 0, slot_ms INTEGER NOT NULL DEFAULT 0,
      cache_hit INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    CREATE TABLE usage (
      day TEXT NOT NULL, source TEXT NOT NULL, principal TEXT NOT NULL, grp TEXT NOT NULL,
      statements INTEGER NOT NULL DEFAULT 0, nano INTEGER NOT NULL DEFAULT 0, billed INTEGER NOT NULL DEFAULT 0,
      slot_ms INTEGER NOT NULL DEFAULT 0, cache_hits INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (day, source, principal, grp)) WITHOUT ROWID;
    INSERT INTO statements (id, source, principal, groups, hash, day, state, nano, bytes, at, expires_at)
      VALUES ('old', 's', 'p', '[]', 'h', '2026-11-28', 0, 5, 5, 1, 9000000000000);
    INSERT INTO usage VALUES ('2026-11-28', 's', 'p', '', 1, 7, 70, 0, 0);
    PRAGMA user_version = 1`)
  db.close()
  const ledger = await openSqliteLedger(folder, 'America/Los_Angeles')
  await ledger.settle('old', { nanoUsd: 5, billedBytes: 50, at: 1 })
  const at = Date.parse('2026-11-28T12:00:00-08:00')
  const of = { source: 's', principal: 'p', groups: [], statement: { hash: 'h' }, nanoUsd: 1, bytes: 1 }
  await ledger.reserve({ ...of, id: 'new', label: 'etl', at, expiresAt: at + 1000 }, [])
  await ledger.settle('new', { nanoUsd: 1, billedBytes: 10, at })
  const rows = await ledger.usage({ fromDay: '2026-11-28', toDay: '2026-11-28', by: ['label'] })
  expect(rows.map(({ label, nanoUsd, billedBytes }) => [label, nanoUsd, billedBytes])).toEqual([
    ['', 12, 120],
    ['etl', 1, 10],
  ])
  await ledger.close()
  const again = await openSqliteLedger(folder, 'America/Los_Angeles')
  expect(await again.entries(['old', 'new'])).toHaveLength(2)
  await again.close()
  rmSync(folder, { recursive: true })
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
