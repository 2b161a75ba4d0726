import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DemoSource } from '../../fault/demo-source.ts'

const add = 'ALTER TABLE t ADD COLUMN stamp TIMESTAMP DEFAULT current_timestamp'
const failing = "ALTER TABLE t ADD COLUMN broken INTEGER DEFAULT (random()::VARCHAR || 'x')::INTEGER"

describe('ALTER TABLE ADD COLUMN with a non-constant default', () => {
  let demo: DemoSource
  beforeAll(async () => {
    demo = await DemoSource.open({ maxStreams: 1, init: ['CREATE TABLE t AS SELECT range AS i FROM range(5000)'] })
  })
  afterAll(async () => {
    await demo.source.close()
  })

  /** Plans and runs a statement that changes data, as a client does. */
  const change = async (sql: string, transaction?: string) => {
    const asked = transaction === undefined ? {} : { transaction }
    const planned = await demo.plan(sql, asked)
    return planned === 'OK' ? await demo.run(sql, { ...asked, isUpdate: true }) : planned
  }
  const begin = () => demo.source.transactions!.begin('mine', { readOnly: false }, demo.context())
  const end = (how: 'commit' | 'rollback') => demo.source.transactions![how]('mine', demo.context())
  const filled = "SELECT CASE WHEN count(stamp) = 5000 THEN 1 ELSE error('empty') END FROM t"

  it('fills old and new rows with the default', async () => {
    expect(await change(add)).toBe('OK')
    expect(await demo.run(filled)).toBe('OK')
    expect(await change('INSERT INTO t (i) VALUES (-1)')).toBe('OK')
    expect(await demo.run("SELECT CASE WHEN stamp IS NULL THEN error('null') END FROM t WHERE i < 0")).toBe('OK')
    expect(await change('DELETE FROM t WHERE i < 0')).toBe('OK')
    expect(await change('ALTER TABLE t DROP stamp')).toBe('OK')
  })

  it('is committed or rolled back with its transaction', async () => {
    for (const how of ['rollback', 'commit'] as const) {
      await begin()
      expect(await change(add, 'mine')).toBe('OK')
      expect(await demo.run(filled, { transaction: 'mine' })).toBe('OK')
      await end(how)
      expect(await demo.run(filled)).toBe(how === 'commit' ? 'OK' : 'BAD_SQL')
    }
    expect(await change('ALTER TABLE t DROP stamp')).toBe('OK')
  })

  it('failing default: the table is unchanged', async () => {
    expect(await change(failing)).toBe('BAD_DATA')
    expect(await demo.run('SELECT broken FROM t')).toBe('BAD_SQL')
    await begin()
    expect(await change(failing, 'mine')).toBe('BAD_DATA')
    expect(await demo.run('SELECT 1', { transaction: 'mine' })).toBe('CONFLICT')
    await end('rollback')
    expect(await demo.run('SELECT broken FROM t')).toBe('BAD_SQL')
  })

  it('is refused next to another statement', async () => {
    expect(await change(`${add}; DROP TABLE t`)).toBe('BAD_SQL')
    expect(await change('ALTER TABLE t ADD COLUMN a INTEGER; ALTER TABLE t ADD COLUMN b INTEGER')).toBe('BAD_SQL')
    expect(await demo.run('SELECT a FROM t')).toBe('BAD_SQL')
    expect(await demo.run('SELECT stamp FROM t')).toBe('BAD_SQL')
  })

  it('is refused with READ_ONLY at a read-only source', async () => {
    const reading = await DemoSource.open({ writes: false, init: ['CREATE TABLE t (i INTEGER)'] })
    expect(await reading.plan(add)).toBe('READ_ONLY')
    await reading.source.close()
  })
})
