import { expect, it } from 'vitest'
import type { Source } from '../../src/query/source.ts'
import { Transactions } from '../../src/query/transactions.ts'
import type { Context } from '../../src/query/types.ts'

const say = () => {}
const log = { debug: say, info: say, warn: say, error: say }
const context = (signal = new AbortController().signal): Context => ({
  principal: { name: 'me', roles: ['writer'] },
  signal,
  deadlineAt: Date.now() + 60_000,
  requestId: 'r',
  log,
})
const limits = { transactionIdleMs: 60_000, sessionIdleMs: 60_000, maxTransactionsPerPrincipal: 4, queueWaitMs: 1000 }

/** An engine that begins when it is told to. */
function slowEngine() {
  const seen: string[] = []
  let begun = () => {}
  const begins = new Promise<void>((resolve) => {
    begun = resolve
  })
  const transactions = {
    begin: async () => {
      await begins
      seen.push('begin')
    },
    rollback: async () => void seen.push('rollback'),
  }
  return { seen, begun, source: { name: 'engine', transactions } as unknown as Source }
}

it.each(['its session ends', 'its client leaves'])('a transaction is undone when %s while it begins', async (how) => {
  const engine = slowEngine()
  const transactions = new Transactions(limits, log)
  const leaving = new AbortController()
  const beginning = transactions.begin(
    { source: engine.source, readOnly: false, sessionId: 's' },
    context(leaving.signal),
  )
  const outcome = beginning.catch((error: unknown) => error)
  if (how === 'its client leaves') leaving.abort(new Error('gone'))
  else await transactions.endSession(context(), 's')
  engine.begun()
  expect(await outcome).toBeInstanceOf(Error)
  // The engine is asked last to undo what it has begun.
  expect(engine.seen.at(-1)).toBe('rollback')
  expect(engine.seen.filter((step) => step === 'begin')).toHaveLength(1)
  expect(transactions.size).toBe(0)
})
