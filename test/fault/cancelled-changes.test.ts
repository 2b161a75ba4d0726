import { Int32, Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterEach, expect, it } from 'vitest'
import { readStream } from '../../src/arrow/ipc/ipc.ts'
import { GatewayError } from '../../src/query/errors.ts'
import { DemoSource, outcomeOf } from './demo-source.ts'

let demo: DemoSource
afterEach(() => demo.source.close())

it('client cancels a waiting upload: its DuckDB connection is clean for the next statement', async () => {
  demo = await DemoSource.open({ maxStreams: 1, init: ['CREATE TABLE t (i INTEGER)'] })
  const [schema, batch] = [...readStream(tableToIPC(new Table({ i: vectorFromArray([1, 2], new Int32()) }), 'stream'))]
  const query = { source: 'demo', sql: '', session: {}, purpose: 'write' } as const
  for (let i = 0; i < 300; i++) {
    const controller = new AbortController()
    const messages = (async function* () {
      yield batch!
      await new Promise((resolve) => setTimeout(resolve, 1))
      controller.abort(new GatewayError('CANCELLED'))
      await new Promise((resolve) => setTimeout(resolve, 5))
      yield batch!
    })()
    const upload = demo.source.ingest!(
      query,
      { table: 't', ifExists: 'append', ifNotExists: 'fail', schemaMessage: schema!.header, messages, options: {} },
      demo.context(controller.signal),
    )
    expect(await outcomeOf(upload)).toBe('CANCELLED')
    expect(await demo.run('SELECT error(i::VARCHAR) FROM t')).toBe('OK')
  }
})

it('client cancels a change at any moment: its DuckDB connection is clean for the next statement', async () => {
  demo = await DemoSource.open({ maxStreams: 1, init: ['CREATE TABLE t (i BIGINT)'] })
  const parameters = tableToIPC(new Table({ n: vectorFromArray([1, 2, 3], new Int32()) }), 'stream')
  const sql = 'INSERT INTO t SELECT i + ? FROM range(400000) r(i)'
  const query = { source: 'demo', sql, parameters, session: {}, purpose: 'write' } as const
  for (let i = 0; i < 60; i++) {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new GatewayError('CANCELLED')), 5 + 2 * i)
    const change = async () => {
      const { frames } = await demo.source.run({ kind: 'update', query }, demo.context(controller.signal))
      for await (const all of frames) for (const frame of all) frame.release?.()
    }
    expect(['OK', 'CANCELLED']).toContain(await outcomeOf(change()))
    expect(await demo.run('SELECT count(*) FROM t')).toBe('OK')
    expect(await demo.run('DELETE FROM t', { isUpdate: true })).toBe('OK')
  }
})
