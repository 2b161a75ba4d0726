import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ledger } from '../ledger.ts'
import { LedgerThread } from './ledger-thread.ts'

/** Name of the ledger's file in `state.directory`. */
export const LEDGER_FILE = 'ledger.sqlite'

/**
 * Opens a ledger in SQLite, which processes of one machine may share. Its calls run on a thread.
 * @param directory folder of the file, which is created; undefined keeps the ledger only until it is closed
 * @throws Error if the file cannot be used
 */
export async function openSqliteLedger(directory: string | undefined, timeZone: string): Promise<Ledger> {
  if (directory !== undefined) mkdirSync(directory, { recursive: true, mode: 0o700 })
  const folder = directory ?? mkdtempSync(join(tmpdir(), 'flightgate-ledger-'))
  const path = join(folder, LEDGER_FILE)
  const writer = new LedgerThread({ path, timeZone, role: 'ledger' })
  await writer.opened()
  let reports: LedgerThread | undefined
  const report = async <T>(method: string, ...args: readonly unknown[]): Promise<T> => {
    reports ??= new LedgerThread({ path, timeZone, role: 'reports' })
    return await reports.call<T>(method, ...args)
  }
  return {
    reserve: (...args) => writer.call('reserve', ...args),
    submitted: (...args) => writer.call('submitted', ...args),
    settle: (...args) => writer.call('settle', ...args),
    correct: (...args) => writer.call('correct', ...args),
    release: (id) => writer.call('release', id),
    balances: (...args) => writer.call('balances', ...args),
    mark: (...args) => writer.call('mark', ...args),
    open: (limit) => writer.call('open', limit),
    entries: (ids) => writer.call('entries', ids),
    usage: (selection) => report('usage', selection),
    top: (...args) => report('top', ...args),
    async close() {
      await Promise.all([writer.close(), reports?.close()])
      if (directory === undefined) rmSync(folder, { recursive: true, force: true })
    },
  }
}
