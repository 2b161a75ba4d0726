import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalBigQuery, startLocalBigQuery } from '../fakes/local-bigquery.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'

// The stand-in of the other tests is ours; this emulator is by others.
describe('in front of local-bigquery', () => {
  let emulator: LocalBigQuery
  let gateway: GatewayProcess
  const query = (text: string) => jsonOf(postJson(gateway, '/api/v1/query', { query: text }))

  beforeAll(async () => {
    emulator = await startLocalBigQuery()
    const { endpoint, storageEndpoint } = emulator
    const source = { kind: 'bigquery', projectId: 'test-project', endpoint, storageEndpoint, anonymous: true }
    gateway = await GatewayProcess.start({ sources: { warehouse: { ...source, writes: true } } })
  })
  afterAll(async () => {
    expect(await gateway?.stop()).toBe(0)
    await emulator?.stop()
  })

  it('creates a table, changes it and reads it', async () => {
    await query('CREATE TABLE shop.people (id INT64, name STRING, born DATE)')
    await query("INSERT INTO shop.people VALUES (1, 'a', DATE '2000-01-01'), (9007199254740993, 'ü', NULL)")
    await query("UPDATE shop.people SET name = CONCAT(name, '!') WHERE id = 1")
    const { columns, rows } = await query('SELECT id, name, born FROM shop.people ORDER BY id')
    expect(columns.map(({ name, type }: { name: string; type: string }) => [name, type])).toEqual([
      ['id', 'int64'],
      ['name', 'string'],
      ['born', 'date32[day]'],
    ])
    expect(rows).toEqual([
      { id: 1, name: 'a!', born: '2000-01-01' },
      { id: '9007199254740993', name: 'ü', born: null },
    ])
  })

  it('reads a large result', async () => {
    const { rows } = await query(
      'SELECT n, CONCAT("row ", CAST(n AS STRING)) AS text FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS n',
    )
    expect(rows).toHaveLength(30_000)
  })

  it.each([
    ['SELEC 1', 'BAD_SQL'],
    ['SELECT * FROM shop.missing', 'UNKNOWN_OBJECT'],
  ])('%s fails with %s', async (text, code) => {
    expect(await query(text)).toMatchObject({ code })
  })
})
