import { RecordBatchReader } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { encapsulate } from '../../src/arrow/ipc/ipc.ts'
import { decodeSchema, encodeSchema, type Field } from '../../src/arrow/schema.ts'
import { SchemaAssembler } from '../../src/arrow/schema-assembler.ts'
import { encodeColumnPart, encodeCommonPart } from '../../src/arrow/schema-parts.ts'

const field = (format: string, more: Partial<Field> = {}): Field => ({
  name: '',
  format,
  nullable: true,
  metadata: [],
  children: [],
  ...more,
})
const colour = field('C', { dictionary: field('u'), ordered: true })
const types: Record<string, Field> = {
  number: field('l'),
  decimal: field('d:18,3'),
  moment: field('tsu:Europe/Zürich'),
  list: field('+l', { children: [field('u', { name: 'item' })] }),
  struct: field('+s', { children: [field('i', { name: 'a' }), field('+l', { name: 'b', children: [colour] })] }),
  union: field('+us:0,1', { children: [field('i', { name: 'i' }), field('u', { name: 'u' })] }),
  colour,
  colours: field('+l', { children: [{ ...colour, name: 'item' }] }),
}
const parts = Object.fromEntries(
  Object.entries(types).map(([name, type]) => [name, encodeColumnPart(type, [0, ['TYPE', `${name} ü`], 1])]),
)

/** The columns as `encodeSchema` takes them. */
function plainly(table: string, schema: string, columns: readonly (readonly [string, string, boolean])[]): Field {
  const children = columns.map(([name, type, nullable]) => ({
    ...types[type]!,
    name,
    nullable,
    metadata: [['TABLE', table] as const, ['TYPE', `${type} ü`] as const, ['SCHEMA', schema] as const],
  }))
  return decodeSchema(encodeSchema({ ...field('+s', { children }), nullable: false }))
}

describe('SchemaAssembler', () => {
  const assembler = new SchemaAssembler()
  const assemble = (table: string, schema: string, columns: readonly (readonly [string, string, boolean])[]) => {
    for (const [name, type, nullable] of columns) {
      const names = Buffer.from(`before${name}after`)
      assembler.add(parts[type]!, nullable, names, 6, names.length - 5)
    }
    return assembler.finish(encodeCommonPart('TABLE', [['SCHEMA', schema]]), Buffer.from(table))
  }
  const many = Array.from({ length: 300 }, (_, i) => {
    const type = Object.keys(types)[(i * 7) % Object.keys(types).length]!
    return [`column ${'ö'.repeat(i % 9)}${i}`, type, i % 3 === 0] as const
  })

  it.each([
    ['no columns', 't', 's', []],
    ['one column', 't', 's', [['c', 'number', false]]],
    ['names of any length', 'tä', 'some schema', many],
    [
      'columns without names',
      '',
      '',
      [
        ['', 'number', true],
        ['', 'list', true],
      ],
    ],
    [
      'dictionaries, numbered in order',
      'table',
      's',
      [
        ['a', 'colour', true],
        ['b', 'struct', true],
        ['c', 'colour', false],
        ['d', 'colours', true],
      ],
    ],
  ] as const)('are those that are encoded at once: %s', (_what, table, schema, columns) => {
    const message = assemble(table, schema, columns)
    expect(decodeSchema(message)).toEqual(plainly(table, schema, columns))
    const read = RecordBatchReader.from(encapsulate(message)).open().schema
    expect(read.fields.map(({ name, nullable }) => [name, nullable])).toEqual(
      columns.map(([name, , nullable]) => [name, nullable]),
    )
  })
})
