import { describe, expect, it } from 'vitest'
import { decodeSchema, encodeSchema, type Field } from '../../../../src/arrow/schema.ts'
import { GatewayError } from '../../../../src/query/errors.ts'
import { arrowFieldOf, arrowSchemaOf } from '../../../../src/sources/bigquery/types/arrow-schema.ts'
import { schemaDifference } from '../../../../src/sources/bigquery/types/same-schema.ts'
import { kindOf, type TableField } from '../../../../src/sources/bigquery/types/table-field.ts'

const column = (type: string, more: Partial<TableField> = {}): TableField => ({ name: 'x', type, ...more })
const range = (type: string) => column('RANGE', { rangeElementType: { type } })
const extension = (name: string) => ['ARROW:extension:name', `google:sqlType:${name}`] as const

describe('Arrow types of BigQuery columns', () => {
  it.each([
    ['BOOL', 'b'],
    ['BOOLEAN', 'b'],
    ['INT64', 'l'],
    ['INTEGER', 'l'],
    ['FLOAT64', 'g'],
    ['FLOAT', 'g'],
    ['STRING', 'u'],
    ['BYTES', 'z'],
    ['DATE', 'tdD'],
    ['TIME', 'ttu'],
    ['TIMESTAMP', 'tsu:UTC'],
    ['NUMERIC', 'd:38,9'],
    ['DECIMAL', 'd:38,9'],
    ['BIGNUMERIC', 'd:76,38,256'],
    ['BIGDECIMAL', 'd:76,38,256'],
    ['string', 'u'],
    ['A_TYPE_OF_TOMORROW', 'u'],
  ])('%s is %s, nullable, without metadata', (type, format) => {
    expect(arrowFieldOf(column(type))).toEqual({ name: 'x', format, nullable: true, metadata: [], children: [] })
  })

  it.each([
    ['DATETIME', 'tsu:', [extension('datetime')]],
    ['JSON', 'u', [extension('json')]],
    ['GEOGRAPHY', 'u', [extension('geography'), ['ARROW:extension:metadata', '{"encoding": "WKT"}']]],
    ['INTERVAL', 'tin', [extension('interval')]],
  ] as const)('%s is %s with the metadata of the Storage Read API', (type, format, metadata) => {
    expect(arrowFieldOf(column(type))).toEqual({ name: 'x', format, nullable: true, metadata, children: [] })
  })

  it.each([
    [{ precision: '10', scale: '2' }, 'd:10,2', 'd:10,2,256'],
    [{ precision: 10 }, 'd:10,0', 'd:10,0,256'],
    [{ precision: '38', scale: '9' }, 'd:38,9', 'd:38,9,256'],
    [{ scale: '2' }, 'd:38,9', 'd:76,38,256'],
    [{ precision: '-1', scale: '1e9' }, 'd:38,9', 'd:76,38,256'],
  ])('decimals have the declared digits %j', (digits, numeric, bigNumeric) => {
    expect(arrowFieldOf(column('NUMERIC', digits)).format).toBe(numeric)
    expect(arrowFieldOf(column('BIGNUMERIC', digits)).format).toBe(bigNumeric)
  })

  it.each([
    ['DATE', 'tdD'],
    ['DATETIME', 'tsu:'],
    ['TIMESTAMP', 'tsu:UTC'],
  ])('RANGE<%s> is a struct of start and end', (element, format) => {
    const { children, ...field } = arrowFieldOf(range(element))
    expect(field).toEqual({ name: 'x', format: '+s', nullable: true, metadata: [['google:sqlType', 'range']] })
    expect(children.map((child) => [child.name, child.format, child.nullable])).toEqual([
      ['start', format, true],
      ['end', format, true],
    ])
  })

  it('an array is a list that is never NULL; the metadata of its items is on the list', () => {
    expect(arrowFieldOf(column('DATETIME', { mode: 'REPEATED' }))).toEqual({
      name: 'x',
      format: '+l',
      nullable: false,
      metadata: [extension('datetime')],
      children: [{ name: 'item', format: 'tsu:', nullable: true, metadata: [], children: [] }],
    })
  })

  it('a REQUIRED column is nullable, since results may hold NULL in it', () => {
    expect(arrowFieldOf(column('INT64', { mode: 'REQUIRED' })).nullable).toBe(true)
  })

  it('TIMESTAMP with 12 fractional digits has microseconds', () => {
    expect(arrowFieldOf(column('TIMESTAMP', { timestampPrecision: '12' })).format).toBe('tsu:UTC')
  })

  it('nested and repeated structs survive the encoding of the schema', () => {
    const fields: TableField[] = [
      column('RECORD', {
        mode: 'REPEATED',
        fields: [
          column('STRUCT', { name: 's', fields: [column('JSON', { name: 'j', mode: 'REPEATED' })] }),
          range('DATE'),
        ],
      }),
      column('STRUCT', { name: 'empty' }),
    ]
    const schema = arrowSchemaOf(fields)
    expect(decodeSchema(encodeSchema(schema))).toEqual(schema)
  })

  it('a schema nested too deeply: UPSTREAM_DATA', () => {
    let field = column('INT64')
    for (let i = 0; i < 100; i++) field = column('STRUCT', { fields: [field] })
    expect(() => arrowSchemaOf([field])).toThrow(GatewayError)
  })

  it('names of types that JavaScript objects inherit are unknown types', () => {
    expect(['constructor', 'toString', '__proto__'].map(kindOf)).toEqual(['OTHER', 'OTHER', 'OTHER'])
  })
})

describe('the schema of a read session beside the announced one', () => {
  const announced = arrowSchemaOf([
    column('NUMERIC', { precision: '10', scale: '2' }),
    column('STRUCT', { fields: [column('TIMESTAMP', { mode: 'REPEATED' })] }),
  ])
  const changed = (change: (field: Field) => Field): Field => {
    const visit = (field: Field): Field => change({ ...field, children: field.children.map(visit) })
    return visit(announced)
  }

  it('fits with other names, metadata and nullability, and with another precision of decimals', () => {
    const renamed = changed((field) => ({ ...field, name: 'y', nullable: false, metadata: [['k', 'v']] }))
    expect(schemaDifference(announced, renamed)).toBeUndefined()
    const wider = changed((field) => (field.format === 'd:10,2' ? { ...field, format: 'd:38,2' } : field))
    expect(schemaDifference(announced, wider)).toBeUndefined()
  })

  it.each([
    ['d:10,2', 'd:38,9', 'column 1 is d:38,9 instead of d:10,2'],
    ['d:10,2', 'd:10,2,256', 'column 1 is d:10,2,256 instead of d:10,2'],
    ['tsu:UTC', 'tsu:', 'column 2 is +s<+l<tsu:>> instead of +s<+l<tsu:UTC>>'],
    ['+l', '+L', 'column 2 is +s<+L<tsu:UTC>> instead of +s<+l<tsu:UTC>>'],
  ])('%s became %s: tells the column', (from, to, text) => {
    const other = changed((field) => (field.format === from ? { ...field, format: to } : field))
    expect(schemaDifference(announced, other)).toBe(text)
  })

  it('has fewer columns: tells how many', () => {
    const fewer = { ...announced, children: announced.children.slice(1) }
    expect(schemaDifference(announced, fewer)).toBe('1 columns instead of 2')
  })
})
