import { expect, it } from 'vitest'
import type { Source } from '../../src/query/source.ts'
import { Transactions } from '../../src/query/transactions/transactions.ts'
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
const limits = { transactionIdleMs: 60_000, sessionIdleMs: 60_000, maxTransactionsPerPrincipal: 4, queueWaitMs: 60_000 }

/** An engine whose BEGIN waits until `begun` is called. */
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

it.each(['its session ends', 'its client leaves'])(
  'a transaction is rolled back when %s while it begins',
  async (how) => {
    const engine = slowEngine()
    const transactions = new Transactions(limits, log, '0123456789ab')
    const leaving = new AbortController()
    const beginning = transactions.begin(
      { source: engine.source, readOnly: false, sessionId: 's' },
      context(leaving.signal),
    )
    const outcome = beginning.catch((error: unknown) => error)
    if (how === 'its client leaves') leaving.abort(new Error('gone'))
    else await transactions.endSession(context().principal.name, 's', context())
    engine.begun()
    expect(await outcome).toBeInstanceOf(Error)
    // The last request to the engine rolls back the transaction that it began.
    expect(engine.seen.at(-1)).toBe('rollback')
    expect(engine.seen.filter((step) => step === 'begin')).toHaveLength(1)
    expect(transactions.size).toBe(0)
  },
)

it('an unused transaction moves to another source; a used one, or one whose source the client named, does not', async () => {
  const engine = (name: string) => {
    const seen: string[] = []
    const step = (what: string) => async () => void seen.push(what)
    const transactions = { begin: step('begin'), rollback: step('rollback'), commit: step('commit') }
    return { seen, source: { name, transactions } as unknown as Source }
  }
  const [one, other, bare] = [engine('one'), engine('other'), { name: 'bare' } as Source]
  const transactions = new Transactions(limits, log, '0123456789ab')
  const id = await transactions.begin({ source: one.source, readOnly: false }, context())
  await transactions.moveTo(id, other.source, false, context())
  await expect(transactions.moveTo(id, bare, false, context())).rejects.toMatchObject({ code: 'UNIMPLEMENTED' })
  const { release } = await transactions.hold(id, context())
  release()
  await expect(transactions.moveTo(id, one.source, false, context())).rejects.toMatchObject({ code: 'BAD_SQL' })
  await transactions.commit(id, context())
  expect([one.seen, other.seen]).toEqual([
    ['begin', 'rollback'],
    ['begin', 'commit'],
  ])
  const fixed = await transactions.begin({ source: one.source, readOnly: false, isFixed: true }, context())
  await expect(transactions.moveTo(fixed, other.source, false, context())).rejects.toMatchObject({ code: 'BAD_SQL' })
  await transactions.rollback(fixed, context())
})

it('a statement waits for a result that has been unread for long and is closed just now; one left unread refuses it', async () => {
  const begin = async () => {}
  const source = { name: 'engine', transactions: { begin, rollback: begin } } as unknown as Source
  const transactions = new Transactions(limits, log, '0123456789ab')
  const id = await transactions.begin({ source, readOnly: false }, context())
  const first = await transactions.hold(id, context())
  first.awaitReader(true)
  await new Promise((resolve) => setTimeout(resolve, 400))
  const second = transactions.hold(id, context())
  setTimeout(first.release, 20)
  const held = await second
  held.awaitReader(true)
  await expect(transactions.hold(id, context())).rejects.toMatchObject({ code: 'UNREAD_RESULT' })
  held.release()
  await transactions.rollback(id, context())
})
