import { describe, expect, it } from 'vitest'
import { dbapiAnswers } from './answers/adbc-dbapi.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

describe.skipIf(!hasPython())('ADBC from Python', () => {
  it('prepares, binds, reads and changes data', async () => {
    const gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true } },
    })
    const results = await runPython<Record<string, unknown>>('adbc_dbapi.py', gateway.uri, 'etl-key')
    expect(results).toMatchObject(dbapiAnswers)
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    expect(gateway.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  it('lists metadata at every depth, of all or filtered sources', async () => {
    const gateway = await GatewayProcess.start({
      sources: {
        demo: {
          kind: 'duckdb',
          init: [
            'CREATE TABLE parent (id INTEGER PRIMARY KEY)',
            'CREATE TABLE child (a INTEGER NOT NULL, b DECIMAL(9,2), flag BOOLEAN)',
            'CREATE VIEW v AS SELECT * FROM parent',
            'CREATE SCHEMA other',
            'CREATE TABLE other.t2 (x DATE)',
          ],
        },
        second: { kind: 'duckdb' },
      },
      defaultSource: 'demo',
    })
    const results = await runPython<Record<string, unknown>>('adbc_metadata.py', gateway.uri)
    expect(results).toEqual({
      catalogs: ['demo', 'second'],
      db_schemas: ['demo.main', 'demo.other', 'second.main'],
      tables: [
        'demo.main.child BASE TABLE ()',
        'demo.main.parent BASE TABLE ()',
        'demo.main.v VIEW ()',
        'demo.other.t2 BASE TABLE ()',
        'second.main',
      ],
      columns: [
        'demo.main.child BASE TABLE (a INTEGER, b DECIMAL(9,2), flag BOOLEAN)',
        'demo.main.parent BASE TABLE (id INTEGER)',
        'demo.main.v VIEW (id INTEGER)',
        'demo.other.t2 BASE TABLE (x DATE)',
        'second.main',
      ],
      filtered: ['demo.main.child BASE TABLE ()', 'second.main'],
      views: ['demo.main.v VIEW ()'],
      'table types': ['BASE TABLE', 'VIEW'],
      'table schema': [
        ['a', 'int32', false],
        ['b', 'decimal128(9, 2)', true],
        ['flag', 'bool', true],
      ],
      info: expect.objectContaining({ vendor_name: 'flightgate', vendor_version: expect.stringMatching(/^\d/) }),
    })
    expect(await gateway.stop()).toBe(0)
  })
})
