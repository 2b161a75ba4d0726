import { expect, it } from 'vitest'
import type { Change } from '../../../src/cache/changes/change-log.ts'
import { ChangeRecorder } from '../../../src/cache/changes/change-recorder.ts'
import { MemoryChangeLog } from '../../../src/cache/changes/memory-change-log.ts'
import { recordChanges } from '../../../src/cache/changes/record-changes.ts'
import type { Router } from '../../../src/query/router.ts'
import type { Context, PlannedStatement, Result } from '../../../src/query/types.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const ctx = {
  principal: { name: 'ann', roles: ['writer'] },
  signal: new AbortController().signal,
} as unknown as Context

class Recorded extends MemoryChangeLog {
  readonly changes: Change[] = []

  override async record(change: Change): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 5))
    this.changes.push(change)
    await super.record(change)
  }
}

function stageOf(dialect: 'duckdb' | 'standard') {
  const changes = new Recorded()
  const recorder = new ChangeRecorder(changes, log)
  const stage = recordChanges(
    recorder,
    { ofQuery: () => ({ name: 'demo', dialect }) } as unknown as Router,
    () => new Set(['CALM']),
  )
  const run = async (plan: Partial<PlannedStatement> & { sql: string; transaction?: string }, frames = resultOf(2)) => {
    const { sql, transaction, ...rest } = plan
    const query = { source: 'demo', sql, session: {}, purpose: 'any', ...(transaction && { transaction }) }
    return await stage.run!({ kind: 'update', query, ...rest } as PlannedStatement, ctx, async () => frames)
  }
  return { changes, recorder, run }
}

function resultOf(batches: number, fails = false): Result {
  const frames = (async function* () {
    for (let i = 0; i < batches; i++) yield []
    if (fails) throw new Error('broken')
  })()
  return { schema: {} as never, frames, stats: { rows: 0, bytes: 0, affectedRows: -1 } }
}

it('records an update once, before the reader sees the end', async () => {
  const { changes, run } = stageOf('duckdb')
  const iterator = (await run({ sql: 'UPDATE t SET a = 1' })).frames[Symbol.asyncIterator]()
  await iterator.next()
  await iterator.next()
  expect(changes.changes).toEqual([])
  expect((await iterator.next()).done).toBe(true)
  expect(changes.changes).toHaveLength(1)
  await iterator.return?.()
  expect(changes.changes).toEqual([{ source: 'demo', tables: ['t'], principal: 'ann' }])
})

it('records an update that fails, that breaks halfway, and that its reader leaves', async () => {
  const { changes, recorder, run } = stageOf('standard')
  const broken = (await run({ sql: 'DELETE FROM t' }, resultOf(1, true))).frames[Symbol.asyncIterator]()
  await broken.next()
  await expect(broken.next()).rejects.toThrow('broken')
  expect(changes.changes).toHaveLength(1)
  const left = (await run({ sql: 'DELETE FROM t' })).frames[Symbol.asyncIterator]()
  await left.return?.()
  expect(changes.changes).toHaveLength(2)
  await expect(run({ sql: 'DELETE FROM t' }, Promise.reject(new Error('lost')) as never)).rejects.toThrow('lost')
  expect(changes.changes).toHaveLength(3)
  recorder.close()
})

it('records the change of a transaction when it ends', async () => {
  const { changes, recorder, run } = stageOf('duckdb')
  for await (const _ of (await run({ sql: 'INSERT INTO t VALUES (1)', transaction: 'x' })).frames);
  for await (const _ of (await run({ sql: 'INSERT INTO t VALUES (2)', transaction: 'x' })).frames);
  expect(changes.changes).toHaveLength(0)
  await recorder.endTransaction('x')
  await recorder.endTransaction('x')
  expect(changes.changes).toHaveLength(1)
})

it.each([
  ['SELECT 1', false],
  ['SELECT now(), random()', false],
  ['SHOW TABLES', false],
  ['EXPLAIN DELETE FROM t', false],
  ['EXPLAIN ANALYZE DELETE FROM t', true],
  ['SELECT now(), clean_up()', true],
  ['CALL clean_up()', true],
  ['SELECT 1; DELETE FROM t', true],
])('a read of a principal that may write: %j is recorded: %j', async (sql, isRecorded) => {
  const { changes, run } = stageOf('duckdb')
  const asWriter = { sql, kind: 'read', mayWrite: true } as const
  for await (const _ of (await run(asWriter)).frames);
  expect(changes.changes).toHaveLength(isRecorded ? 1 : 0)
  for await (const _ of (await run({ sql, kind: 'read' })).frames);
  expect(changes.changes).toHaveLength(isRecorded ? 1 : 0)
})

it('records queries that call unknown functions, but not those that the operator has declared', async () => {
  const { changes, run } = stageOf('standard')
  const read = async (sql: string) => {
    const { frames } = await run({ sql, kind: 'read', mayWrite: true } as never)
    for await (const _ of frames);
  }
  await read('SELECT calm(a) FROM t')
  expect(changes.changes).toEqual([])
  await read('SELECT wild(a) FROM t')
  expect(changes.changes).toHaveLength(1)
})
