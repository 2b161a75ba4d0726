import { parentPort, workerData } from 'node:worker_threads'
import { LedgerDatabase } from './ledger-database.ts'
import { LedgerReports } from './ledger-reports.ts'
import type { LedgerCall, LedgerReply, LedgerThreadSetup } from './thread-messages.ts'

const { path, timeZone, role } = workerData as LedgerThreadSetup
const target = role === 'ledger' ? new LedgerDatabase(path, timeZone) : new LedgerReports(path)
const methods = target as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>
const port = parentPort!
const reply = (message: LedgerReply) => port.postMessage(message)

port.on('message', ({ id, method, args }: LedgerCall) => {
  try {
    reply({ kind: 'value', id, value: methods[method]!(...args) })
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    reply({ kind: 'error', id, message, code })
  }
  if (method === 'close') port.close()
})
reply({ kind: 'ready' })
