import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ActiveStatements } from '../../src/query/control/active-statements.ts'
import { GatewayError } from '../../src/query/errors.ts'
import type { Router } from '../../src/query/router.ts'
import { audit } from '../../src/query/stages/audit.ts'
import { quota } from '../../src/query/stages/quota.ts'
import { track } from '../../src/query/stages/track.ts'
import type { Result } from '../../src/query/types.ts'
import { MemoryBus } from '../../src/state/bus.ts'
import type { BatchSink, StatementOutcome } from '../../src/statements/batch/batch-outcome.ts'
import { statementTickets } from '../../src/statements/handles/ticket.ts'
import type { StatementRequest } from '../../src/statements/requests/statement-request.ts'
import { soleReplica } from '../query/sole-replica.ts'
import { waitFor } from '../wait-for.ts'
import { parametersOf, rowsOf, setUp } from './fake-source.ts'

const texts = (...queries: string[]): StatementRequest[] => queries.map((query) => ({ text: { query } }))

/** Reads every result, and keeps what came. */
class Reader implements BatchSink {
  readonly events: string[] = []
  readonly outcomes: StatementOutcome[] = []
  readonly rows = new Map<string, number>()
  active = 0
  maxActive = 0

  async result(ids: readonly string[], result: Result, _signal: AbortSignal): Promise<void> {
    this.maxActive = Math.max(this.maxActive, ++this.active)
    this.events.push(`result ${ids.join(',')}`)
    try {
      const rows = await rowsOf(result)
      for (const id of ids) this.rows.set(id, rows)
    } finally {
      this.active--
    }
  }

  ended(outcome: StatementOutcome): void {
    this.events.push(`${outcome.status} ${outcome.id}`)
    this.outcomes.push(outcome)
  }

  /** Status by id, with the code of the error. */
  get statuses(): Record<string, string> {
    const text = ({ status, error }: StatementOutcome) => (error ? `${status} ${error.code}` : status)
    return Object.fromEntries(this.outcomes.map((outcome) => [outcome.id, text(outcome)]))
  }
}

describe('the bounds of a batch', () => {
  it.each([
    ['no statements', [], {}, /no statements/],
    ['101 statements', texts(...Array(101).fill('rows 1')), {}, /at most 100/],
    ['a duplicate id', [...texts('rows 1').map((one) => ({ ...one, id: '1' })), ...texts('rows 1')], {}, /id "1"/],
    ['a long id', texts('rows 1').map((one) => ({ ...one, id: 'x'.repeat(201) })), {}, /id .* 201 characters/],
    ['a concurrency of 21', texts('rows 1'), { maxConcurrency: 21 }, /max_concurrency.* 1 to 20/],
    ['a concurrency of 1.5', texts('rows 1'), { maxConcurrency: 1.5 }, /max_concurrency/],
    ['a time of 60,001 ms', texts('rows 1'), { timeoutMs: 60_001 }, /timeout_ms.* 60000/],
    ['a negative time', texts('rows 1'), { timeoutMs: -1 }, /timeout_ms/],
  ] as const)('refuse %s', async (_name, requests, options, message) => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const refused = { code: 'BAD_REQUEST', message: expect.stringMatching(message) }
    await expect(statements.batches.run(requests, options, scope(), reader)).rejects.toMatchObject(refused)
    await expect(statements.batches.plan(requests, options, scope())).rejects.toMatchObject(refused)
    expect(reader.events).toEqual([])
    expect(here.planned).toEqual([])
  })

  it('take 100 statements, and give each its position as id unless it has one', async () => {
    const { statements, scope } = setUp()
    const reader = new Reader()
    const requests = texts(...Array.from({ length: 100 }, (_, i) => `rows 1 no ${i}`))
    requests[7] = { ...requests[7]!, id: 'seven' }
    expect(await statements.batches.run(requests, {}, scope(), reader)).toMatchObject({
      statements: 100,
      succeeded: 100,
      rows: 100,
    })
    expect(new Set(reader.rows.keys())).toEqual(
      new Set(Array.from({ length: 100 }, (_, i) => (i === 7 ? 'seven' : String(i)))),
    )
  })
})

describe('a batch', () => {
  it('plans every statement before the first one runs, and runs them in their order', async () => {
    const { statements, scope, here } = setUp()
    const queries = Array.from({ length: 12 }, (_, i) => `rows 1 sleep 2 no ${i}`)
    let plannedFirst = 0
    const { run } = here
    here.run = (...args) => {
      plannedFirst ||= here.planned.length
      return run.apply(here, args)
    }
    await statements.batches.run(texts(...queries), { maxConcurrency: 1 }, scope(), new Reader())
    expect(plannedFirst).toBe(12)
    expect(here.ran).toEqual(queries)
  })

  it.each([
    [undefined, 5],
    [1, 1],
    [20, 20],
  ])('of concurrency %s plans, runs and reads %i statements at the same time', async (maxConcurrency, expected) => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const queries = Array.from({ length: 40 }, (_, i) => `rows 1 sleep 10 slowplan 10 no ${i}`)
    await statements.batches.run(texts(...queries), maxConcurrency ? { maxConcurrency } : {}, scope(), reader)
    expect([here.maxPlanning, here.maxActive, reader.maxActive]).toEqual([expected, expected, expected])
  })

  it('tells the outcome and the metrics of each statement, and adds them up', async () => {
    const { statements, scope } = setUp()
    const reader = new Reader()
    const summary = await statements.batches.run(
      texts('rows 3', 'fail BAD_DATA', 'badplan BAD_SQL', 'rows 2 break UPSTREAM_DATA', 'create t', 'fail CANCELLED'),
      {},
      scope(),
      reader,
    )
    expect(reader.statuses).toEqual({
      0: 'succeeded',
      1: 'failed BAD_DATA',
      2: 'failed BAD_SQL',
      3: 'failed UPSTREAM_DATA',
      4: 'succeeded',
      5: 'cancelled CANCELLED',
    })
    const [ended] = reader.outcomes.filter(({ id }) => id === '0')
    expect(ended!.metrics).toMatchObject({ source: 'here', rows: 3, isCacheHit: false })
    const { queuedMs, plannedMs, firstByteMs, totalMs } = ended!.metrics
    expect(queuedMs! + plannedMs!).toBeLessThanOrEqual(totalMs)
    expect(firstByteMs).toBeLessThanOrEqual(totalMs)
    expect(reader.outcomes.find(({ id }) => id === '4')).toMatchObject({ affectedRows: 7 })
    expect(ended).not.toHaveProperty('affectedRows')
    expect(summary).toMatchObject({ statements: 6, succeeded: 2, failed: 3, cancelled: 1, skipped: 0, rows: 5 })
    expect(summary).not.toHaveProperty('costUsd')
    expect(summary.totalMs).toBeGreaterThanOrEqual(totalMs)
  })

  it('that stops on an error cancels what runs and skips what waits', async () => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const queries = ['hang a', 'rows 1 sleep 20 break BAD_DATA', 'hang b', 'rows 1 c', 'rows 1 d']
    const options = { maxConcurrency: 3, stopOnError: true }
    const summary = await statements.batches.run(texts(...queries), options, scope(), reader)
    expect(reader.statuses).toEqual({
      0: 'cancelled CANCELLED',
      1: 'failed BAD_DATA',
      2: 'cancelled CANCELLED',
      3: 'skipped CANCELLED',
      4: 'skipped CANCELLED',
    })
    expect(reader.outcomes[0]!.error!.message).toMatch(/"1"|value/)
    expect(summary).toMatchObject({ failed: 1, cancelled: 2, skipped: 2 })
    expect([here.active, here.ran.length]).toEqual([0, 3])
  })

  it('that stops on an error runs nothing if a statement cannot be planned', async () => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const options = { stopOnError: true }
    await statements.batches.run(texts('rows 1', 'badplan BAD_SQL', 'create t'), options, scope(), reader)
    expect(reader.statuses).toEqual({ 0: 'skipped CANCELLED', 1: 'failed BAD_SQL', 2: 'skipped CANCELLED' })
    expect(here.ran).toEqual([])
  })

  it('that does not stop on an error goes on', async () => {
    const { statements, scope } = setUp()
    const reader = new Reader()
    await statements.batches.run(texts('fail BAD_DATA', 'rows 1'), { maxConcurrency: 1 }, scope(), reader)
    expect(reader.statuses).toEqual({ 0: 'failed BAD_DATA', 1: 'succeeded' })
  })

  it('whose time is over fails what runs with DEADLINE and skips what waits', async () => {
    const { statements, scope, here, limiter } = setUp()
    const reader = new Reader()
    const options = { maxConcurrency: 2, timeoutMs: 100 }
    await statements.batches.run(texts('rows 1', 'hang', 'hang 2', 'rows 1 c'), options, scope(), reader)
    expect(reader.statuses).toEqual({
      0: 'succeeded',
      1: 'failed DEADLINE',
      2: 'failed DEADLINE',
      3: 'skipped DEADLINE',
    })
    expect([here.active, limiter.inUse]).toEqual([0, 0])
  })

  it('whose time is over while it is planned runs nothing', async () => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const options = { maxConcurrency: 1, timeoutMs: 50 }
    await statements.batches.run(texts('rows 1', 'slowplan 60000', 'rows 2'), options, scope(), reader)
    expect(reader.statuses).toEqual({ 0: 'skipped DEADLINE', 1: 'failed DEADLINE', 2: 'skipped DEADLINE' })
    expect(here.ran).toEqual([])
  })

  it('whose time is over while a statement waits for a slot fails it with DEADLINE', async () => {
    const { statements, scope, limiter } = setUp({ slots: 1 })
    const release = await limiter.acquire(new AbortController().signal)
    const reader = new Reader()
    await statements.batches.run(texts('rows 1'), { timeoutMs: 200 }, scope(), reader)
    expect(reader.statuses).toEqual({ 0: 'failed DEADLINE' })
    expect(reader.outcomes[0]!.metrics.queuedMs).toBeGreaterThan(0)
    expect(limiter.queued).toBe(0)
    release()
  })
})

describe('identical reads of a batch', () => {
  it('run once; the result goes to all of them', async () => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const parameters = parametersOf('p')
    const requests = [
      ...texts('rows 3', 'rows 3'),
      { text: { query: 'rows 3' }, parameters },
      { id: 'c', text: { query: 'rows 3' }, dataSource: 'HERE' },
      { id: 'd', text: { query: 'rows 3' }, parameters: Buffer.from(parameters) },
    ]
    const summary = await statements.batches.run(requests, {}, scope(), reader)
    expect(here.ran).toEqual(['rows 3', 'rows 3'])
    expect(here.planned).toHaveLength(2)
    expect(reader.events.filter((each) => each.startsWith('result')).sort()).toEqual(['result 0,1,c', 'result 2,d'])
    const hits = reader.outcomes.filter(({ metrics }) => metrics.isCacheHit).map(({ id }) => id)
    expect(hits.sort()).toEqual(['1', 'c', 'd'])
    expect(summary).toMatchObject({ succeeded: 5, cacheHits: 3, rows: 15 })
  })

  it('fail together', async () => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const summary = await statements.batches.run(texts('fail BAD_DATA', 'fail BAD_DATA'), {}, scope(), reader)
    expect(reader.statuses).toEqual({ 0: 'failed BAD_DATA', 1: 'failed BAD_DATA' })
    expect(here.ran).toHaveLength(1)
    expect(summary.cacheHits).toBe(0)
  })

  it.each([
    ['changes', 'create t', 2],
    ['a function that returns another value each time', "nextval('s')", 2],
    ['a sample', 'rows 1 using sample 1', 2],
    ['another source', 'rows 1', 1],
  ])('do not include %s', async (_name, query, here) => {
    const env = setUp()
    const requests = [...texts(query, query), { id: 'x', text: { query: 'rows 1' }, dataSource: 'there' }]
    await env.statements.batches.run(requests, {}, env.scope(), new Reader())
    expect([env.here.ran.length, env.there.ran.length]).toEqual([here, 1])
  })

  it('run again after a change that stands between them', async () => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const queries = ['rows 1', 'rows 1', 'create t', 'rows 1', 'rows 1']
    await statements.batches.run(texts(...queries), { maxConcurrency: 1 }, scope(), reader)
    expect(here.ran).toEqual(['rows 1', 'create t', 'rows 1'])
    expect(here.planned).toEqual(['rows 1', 'create t', 'rows 1'])
  })
})

describe('a statement that needs an earlier change of its batch', () => {
  it('is audited and charged as failed only if it fails for good', async () => {
    const reports: string[] = []
    const observer = {
      onRows() {},
      onPlanFailed: (_source: string, code: string) => void reports.push(`audit ${code}`),
      onStatementStart() {},
      onFirstRows() {},
      onStatementEnd() {},
    }
    const accounts = {
      open: () => ({ onBatch() {}, onEnd() {} }),
      onPlanFailed: ({ sql }: { sql: string }) => void reports.push(`charge ${sql}`),
    }
    const { statements, scope } = setUp({ stages: [audit('none', observer), quota(accounts)] })
    const run = async (...queries: string[]) => {
      const summary = await statements.batches.run(texts(...queries), {}, scope(), new Reader())
      return [summary.succeeded, summary.failed, reports.splice(0)]
    }
    expect(await run('create a', 'needs a rows 1', 'needs a rows 2')).toEqual([3, 0, []])
    expect(await run('badplan BAD_SQL', 'create b', 'needs b', 'needs c')).toEqual([
      2,
      2,
      ['charge badplan BAD_SQL', 'audit BAD_SQL', 'charge needs c', 'audit UNKNOWN_OBJECT'],
    ])
  })

  it.each([1, 5])('is planned again once the changes have ended, at concurrency %i', async (maxConcurrency) => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const queries = ['create a sleep 20', 'needs a create b sleep 20', 'needs b', 'needs c']
    await statements.batches.run(texts(...queries), { maxConcurrency }, scope(), reader)
    expect(reader.statuses).toEqual({ 0: 'succeeded', 1: 'succeeded', 2: 'succeeded', 3: 'failed UNKNOWN_OBJECT' })
    expect(here.ran).toEqual(queries.slice(0, 3))
  })

  it('is planned again if it was planned before a change that has ended', async () => {
    const { statements, scope, here } = setUp()
    await statements.batches.run(texts('create a', 'rows 1'), { maxConcurrency: 1 }, scope(), new Reader())
    expect(here.planned).toEqual(['create a', 'rows 1', 'rows 1'])
  })

  it('fails if it stands before the change', async () => {
    const { statements, scope } = setUp()
    const reader = new Reader()
    await statements.batches.run(texts('needs a', 'create a'), { maxConcurrency: 1 }, scope(), reader)
    expect(reader.statuses).toEqual({ 0: 'failed UNKNOWN_OBJECT', 1: 'succeeded' })
  })

  it('is skipped when the batch stops', async () => {
    const { statements, scope } = setUp()
    const reader = new Reader()
    const queries = ['create a break BAD_DATA', 'needs a']
    await statements.batches.run(texts(...queries), { stopOnError: true }, scope(), reader)
    expect(reader.statuses).toEqual({ 0: 'failed BAD_DATA', 1: 'skipped CANCELLED' })
  })
})

describe('the check of a batch', () => {
  it('gets the plans before anything runs, and refuses the batch as a whole', async () => {
    const seen: string[][] = []
    const { statements, scope, here } = setUp({
      checkBatch: ({ plans, atOnce }) => {
        expect(atOnce).toBe(plans.length)
        seen.push(plans.map(({ query }) => query.sql))
        if (plans.length > 2) throw new GatewayError('QUEUE_FULL')
      },
    })
    const reader = new Reader()
    const run = (...queries: string[]) => statements.batches.run(texts(...queries), {}, scope(), reader)
    await expect(run('rows 1', 'rows 2', 'rows 3', 'badplan BAD_SQL')).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    expect([here.ran, reader.events]).toEqual([[], []])
    await run('rows 1', 'rows 1', 'rows 2')
    expect(seen).toEqual([
      ['rows 1', 'rows 2', 'rows 3'],
      ['rows 1', 'rows 2'],
    ])
  })

  it('by default no more statements run at the same time than a quota leaves, at least one; an option stays', async () => {
    const seen: number[] = []
    let free: number | undefined
    const { statements, scope } = setUp({
      freeStatements: () => free,
      checkBatch: ({ atOnce }) => {
        seen.push(atOnce)
      },
    })
    const queries = texts('rows 1', 'rows 2', 'rows 3', 'rows 4', 'rows 5', 'rows 6')
    for (const each of [undefined, 2, 0, 9]) {
      free = each
      await statements.batches.run(queries, {}, scope(), new Reader())
    }
    expect(seen).toEqual([5, 2, 1, 5])
    free = 2
    await statements.batches.run(queries, { maxConcurrency: 4 }, scope(), new Reader())
    expect(seen.at(-1)).toBe(4)
  })

  it('takes the requests of the batch, beside the one of the call, before anything is planned', async () => {
    const taken: number[] = []
    const { statements, scope, here } = setUp({
      takeRequests: async (requests) => {
        taken.push(requests)
        if (requests > 1) throw new GatewayError('RATE_LIMITED')
      },
    })
    const { batches } = statements
    const run = (...queries: string[]) => batches.run(texts(...queries), {}, scope(), new Reader())
    await run('rows 1')
    await run('rows 1', 'rows 1')
    const three = texts('rows 1', 'rows 2', 'rows 3')
    here.planned.length = 0
    for (const refused of [
      batches.run(three, {}, scope(), new Reader()),
      batches.plan(three, {}, scope()),
      batches.estimate(three, scope()),
    ])
      await expect(refused).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    expect([taken, here.planned]).toEqual([[1, 2, 2, 2], []])
  })
})

describe('a batch whose client leaves', () => {
  it.each([
    ['while it is planned', 'slowplan 60000', 0],
    ['while a statement runs', 'hang', 2],
  ])('%s leaves nothing running', async (_name, query, ran) => {
    const { statements, scope, here, limiter, controller } = setUp()
    const reader = new Reader()
    const requests = texts(query, `${query} 2`, 'rows 1')
    const running = statements.batches.run(requests, { maxConcurrency: 2 }, scope(), reader)
    const failed = expect(running).rejects.toMatchObject({ code: 'CANCELLED', message: 'left' })
    await waitFor(() => here.planning + here.active === 2, 'the statements')
    controller.abort(new GatewayError('CANCELLED', 'left'))
    await failed
    expect([here.active, here.planning, limiter.inUse, limiter.queued, here.ran.length]).toEqual([0, 0, 0, 0, ran])
    expect(reader.events.filter((each) => !each.startsWith('result'))).toEqual([])
  })

  it('while a statement waits for a slot leaves the queue empty', async () => {
    const { statements, scope, here, limiter, controller } = setUp({ slots: 1 })
    const running = statements.batches.run(texts('hang', 'hang 2'), {}, scope(), new Reader())
    const failed = expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
    await waitFor(() => here.active === 1 && limiter.queued === 1, 'the statements')
    controller.abort(new GatewayError('CANCELLED'))
    await failed
    expect([here.active, limiter.inUse, limiter.queued]).toEqual([0, 0, 0])
  })

  it('before it begins runs nothing', async () => {
    const { statements, scope, here, controller } = setUp()
    controller.abort(new GatewayError('CANCELLED'))
    const running = statements.batches.run(texts('rows 1'), {}, scope(), new Reader())
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(here.planned).toEqual([])
  })

  it.each(['result', 'ended'] as const)('so that `%s` fails cancels all', async (what) => {
    const { statements, scope, here, limiter } = setUp()
    const reader = new Reader()
    const sink: BatchSink = {
      async result(ids, result, signal) {
        if (what === 'result' && ids.includes('1')) throw new Error('socket closed')
        await reader.result(ids, result, signal)
      },
      ended(outcome) {
        if (what === 'ended' && outcome.id === '1') throw new Error('socket closed')
        reader.ended(outcome)
      },
    }
    const running = statements.batches.run(
      texts('hang', 'rows 1', 'hang 2', 'rows 2'),
      { maxConcurrency: 3 },
      scope(),
      sink,
    )
    await expect(running).rejects.toThrow('socket closed')
    expect([here.active, limiter.inUse]).toEqual([0, 0])
    expect(reader.outcomes).toEqual([])
  })

  it('ends a result that a sink has left in the middle of a read', async () => {
    const { statements, scope, here } = setUp()
    const sink: BatchSink = {
      async result(_ids, { frames }) {
        const iterator = frames[Symbol.asyncIterator]()
        void iterator.next().catch(() => {})
        await setTimeout(5)
        await iterator.return?.()
        throw new Error('socket closed')
      },
      ended() {},
    }
    await expect(statements.batches.run(texts('hang'), {}, scope(), sink)).rejects.toThrow('socket closed')
    expect(here.active).toBe(0)
  })
})

describe('a sink', () => {
  it('that finds a fault in the data fails that statement alone', async () => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const sink: BatchSink = {
      async result(ids, result, signal) {
        if (ids.includes('0')) throw new GatewayError('UNSUPPORTED_TYPE')
        await reader.result(ids, result, signal)
      },
      ended: (outcome) => reader.ended(outcome),
    }
    await statements.batches.run(texts('rows 1', 'rows 2'), {}, scope(), sink)
    expect(reader.statuses).toEqual({ 0: 'failed UNSUPPORTED_TYPE', 1: 'succeeded' })
    expect(here.active).toBe(0)
  })

  it('that waits for its client is woken when the time is over', async () => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const sink: BatchSink = {
      async result(_ids, _result, signal) {
        await setTimeout(60_000, undefined, { signal })
      },
      ended: (outcome) => reader.ended(outcome),
    }
    await statements.batches.run(texts('rows 1'), { timeoutMs: 50 }, scope(), sink)
    expect(reader.statuses).toEqual({ 0: 'failed DEADLINE' })
    expect(here.active).toBe(0)
  })

  it('that returns when the time is over has not read the result', async () => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const sink: BatchSink = {
      async result(_ids, _result, signal) {
        await setTimeout(60_000, undefined, { signal }).catch(() => {})
      },
      ended: (outcome) => reader.ended(outcome),
    }
    await statements.batches.run(texts('rows 1'), { timeoutMs: 50 }, scope(), sink)
    expect(reader.statuses).toEqual({ 0: 'failed DEADLINE' })
    expect(here.active).toBe(0)
  })

  it('that stops reading a result early ends it', async () => {
    const { statements, scope, here } = setUp()
    const reader = new Reader()
    const sink: BatchSink = { async result() {}, ended: (outcome) => reader.ended(outcome) }
    await statements.batches.run(texts('hang'), {}, scope(), sink)
    expect([reader.statuses, here.active]).toEqual([{ 0: 'succeeded' }, 0])
  })
})

describe('the plans of a batch', () => {
  it('are tickets for statements that only read; nothing runs', async () => {
    const { statements, scope, sealer, here } = setUp()
    const requests = [
      ...texts('rows 3', 'create t', 'badplan BAD_SQL'),
      { text: { query: 'p' }, parameters: parametersOf('x') },
    ]
    const answers = await statements.batches.plan(requests, {}, scope())
    expect(answers.map((each) => ('error' in each ? [each.id, each.error.code] : [each.id]))).toEqual([
      ['0'],
      ['1', 'BAD_REQUEST'],
      ['2', 'BAD_SQL'],
      ['3'],
    ])
    expect(answers[1]).toMatchObject({ error: { message: expect.stringMatching(/Execute/) } })
    expect(here.ran).toEqual([])
    const redeem = async (i: number) => {
      const answer = answers[i]!
      if (!('value' in answer)) throw answer.error
      const { ctx } = scope()
      const { value } = statementTickets.open(sealer, ctx.principal, answer.value.handle)
      return await rowsOf(await statements.resultOf(value, ctx))
    }
    expect([await redeem(0), await redeem(3)]).toEqual([3, 1])
  })

  it('end with the time, with an answer for each statement', async () => {
    const { statements, scope } = setUp()
    const requests = texts('rows 1', 'slowplan 60000', 'rows 2')
    const answers = await statements.batches.plan(requests, { timeoutMs: 50, maxConcurrency: 1 }, scope())
    expect(answers.map((each) => ('error' in each ? each.error.code : 'planned'))).toEqual([
      'planned',
      'DEADLINE',
      'DEADLINE',
    ])
  })

  it('end with the first error if asked', async () => {
    const { statements, scope, here } = setUp()
    const options = { stopOnError: true, maxConcurrency: 1 }
    const answers = await statements.batches.plan(texts('badplan BAD_SQL', 'rows 1'), options, scope())
    expect(answers.map((each) => ('error' in each ? each.error.code : 'planned'))).toEqual(['BAD_SQL', 'CANCELLED'])
    expect(here.planned).toHaveLength(1)
  })

  it('end with the client', async () => {
    const { statements, scope, here, controller } = setUp()
    const planning = statements.batches.plan(texts('slowplan 60000', 'rows 1'), {}, scope())
    const failed = expect(planning).rejects.toMatchObject({ code: 'CANCELLED' })
    await waitFor(() => here.planning > 0, 'the statements')
    controller.abort(new GatewayError('CANCELLED'))
    await failed
    expect(here.planning).toBe(0)
  })
})

describe('the estimates of a batch', () => {
  it('add up; a figure that one statement lacks is absent', async () => {
    const { statements, scope, here } = setUp()
    const estimate = async (...estimates: object[]) => {
      const queries = estimates.map((each) => `estimate ${JSON.stringify(each)}`)
      return (await statements.batches.estimate(texts(...queries), scope())).total
    }
    expect(
      await estimate(
        { accuracy: 'exact', bytes: 1, rows: 2, referencedTables: ['b', 'a'] },
        { accuracy: 'upper_bound', bytes: 10, referencedTables: ['a'] },
      ),
    ).toEqual({ accuracy: 'upper_bound', bytes: 11, referencedTables: ['a', 'b'] })
    expect(await estimate({ accuracy: 'exact', bytes: 1 }, { accuracy: 'unknown' })).toEqual({ accuracy: 'unknown' })
    const { answers, total } = await statements.batches.estimate(
      texts('estimate {"accuracy":"exact","rows":1}', 'badplan BAD_SQL'),
      scope(),
    )
    expect(answers).toMatchObject([
      { id: '0', value: { source: 'here' } },
      { id: '1', error: { code: 'BAD_SQL' } },
    ])
    expect(total).toEqual({ accuracy: 'unknown' })
    expect(here.ran).toEqual([])
  })
})

describe('admission', () => {
  it('a batch does not fail because its own statements fill the queue', async () => {
    const { statements, scope, limiter, here } = setUp({ slots: 2, maxQueued: 3 })
    const reader = new Reader()
    const queries = Array.from({ length: 30 }, (_, i) => `rows 1 sleep 5 no ${i}`)
    const summary = await statements.batches.run(texts(...queries), { maxConcurrency: 20 }, scope(), reader)
    expect(summary).toMatchObject({ succeeded: 30 })
    expect([here.ran.length, here.planned.length, limiter.inUse, limiter.queued]).toEqual([30, 30, 0, 0])
    for (const { metrics } of reader.outcomes) expect(metrics.queuedMs).toBeLessThanOrEqual(metrics.totalMs)
  })

  it('a batch does not fail because its own statements wait too long for each other', async () => {
    const { statements, scope } = setUp({ slots: 1, queueWaitMs: 30 })
    const queries = Array.from({ length: 6 }, (_, i) => `rows 1 sleep 25 no ${i}`)
    const summary = await statements.batches.run(texts(...queries), { maxConcurrency: 6 }, scope(), new Reader())
    expect(summary).toMatchObject({ succeeded: 6 })
  })

  it('a batch fails where others leave it no slot, and ends while it waits for one', async () => {
    const { statements, scope, limiter, here } = setUp({ slots: 1, maxQueued: 1, queueWaitMs: 60_000 })
    const release = await limiter.acquire(new AbortController().signal, 'other')
    const reader = new Reader()
    await statements.batches.run(texts('rows 1', 'rows 2', 'rows 3'), { timeoutMs: 150 }, scope(), reader)
    expect(new Set(Object.values(reader.statuses))).toEqual(new Set(['failed DEADLINE']))
    void limiter.acquire(new AbortController().signal, 'other').then((next) => next())
    const full = new Reader()
    await statements.batches.run(texts('rows 1'), {}, scope(), full)
    expect(full.statuses).toEqual({ 0: 'failed QUEUE_FULL' })
    release()
    expect(here.ran).toEqual([])
  })

  it.each([
    [
      'principals',
      { principal: { name: 'many', roles: ['reader'] } },
      { principal: { name: 'few', roles: ['reader'] } },
    ],
    ['connections without credentials', { holder: '127.0.0.1:1' }, { holder: '127.0.0.1:2' }],
  ])('is fair between %s: a batch of 100 does not starve another caller', async (_name, many, few) => {
    const { statements, scope, here } = setUp({ slots: 4 })
    const reader = new Reader()
    const queries = Array.from({ length: 100 }, (_, i) => `rows 1 sleep 20 no ${i}`)
    const batch = statements.batches.run(texts(...queries), { maxConcurrency: 20 }, scope(many), reader)
    await waitFor(() => here.active === 4, 'the statements')
    for (let i = 0; i < 3; i++) {
      const before = here.ran.length
      const other = await statements.requests.start({ text: { query: 'rows 1' } }, scope(few))
      expect(await rowsOf(other.result)).toBe(1)
      // It got the next free slot or the one after it, before the statements of the batch that had waited longer.
      expect(here.ran.slice(before).indexOf('rows 1')).toBeLessThan(5)
    }
    expect(reader.outcomes.length).toBeLessThan(80)
    expect(await batch).toMatchObject({ succeeded: 100 })
  })
})

describe('a statement of a batch that another call cancels', () => {
  it('ends as cancelled although its client does not read; the others go on', async () => {
    const router = { named: (name: string) => ({ name }) } as unknown as Router
    const active = new ActiveStatements({
      replicas: soleReplica(),
      bus: new MemoryBus(),
      router,
      principals: () => [],
    })
    const { statements, scope } = setUp({ stages: [track(active)] })
    const reader = new Reader()
    const sink: BatchSink = {
      result: async (ids, result, signal) => {
        if (ids[0] === 'stuck')
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        await reader.result(ids, result, signal)
      },
      ended: (outcome) => reader.ended(outcome),
    }
    const requests = [{ id: 'stuck', text: { query: 'rows 5' } }, ...texts('sleep 50 rows 2')]
    const summary = statements.batches.run(requests, {}, scope(), sink)
    const { id } = await waitFor(
      () => active.listHere({ name: 'dash', roles: [] }).find(({ text }) => text === 'rows 5'),
      'the statement',
    )
    await active.cancel(id, { name: 'dash', roles: [] })
    expect(await summary).toMatchObject({ succeeded: 1, cancelled: 1 })
    expect(reader.statuses).toEqual({ stuck: 'cancelled CANCELLED', 1: 'succeeded' })
    const { queryId, error } = reader.outcomes.find((outcome) => outcome.id === 'stuck')!
    expect([queryId, error!.message]).toEqual([id, 'The statement was cancelled by another call of dash.'])
    expect(active.size).toBe(0)
  })
})
