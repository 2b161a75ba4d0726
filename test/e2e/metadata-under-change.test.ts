import { expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

it.skipIf(!hasPython())(
  'client gets the columns of all tables in spite of broken views and concurrent DDL',
  async () => {
    const init = [
      'CREATE TABLE every_type AS FROM test_all_types()',
      'CREATE VIEW every_type_view AS SELECT 1::INTEGER AS i',
      'CREATE TABLE not_for_arrow (i INTEGER, v VARIANT)',
    ]
    const gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', init, writes: true } } })
    expect(await runPython('metadata_under_change.py', gateway.uri)).toEqual({
      "types unlike the result's": [],
      'columns of every type': [true, expect.any(Number)],
      metadata: {
        CATALOG_NAME: 'demo',
        DB_SCHEMA_NAME: 'main',
        SCHEMA_NAME: 'main',
        TABLE_NAME: 'every_type',
        TYPE_NAME: 'DECIMAL(9,4)',
        PRECISION: '9',
        SCALE: '4',
        IS_AUTO_INCREMENT: '0',
        IS_CASE_SENSITIVE: '0',
        IS_READ_ONLY: '0',
        IS_SEARCHABLE: '1',
      },
      'beside a broken view': {
        broken: ['i', 's'],
        every_type_view: ['i'],
        good: ['i'],
        not_for_arrow: ['i', 'v'],
      },
      'wrong while others change tables': [],
    })
    expect(await gateway.stop()).toBe(0)
  },
)
