import { describe, expect, it } from 'vitest'
import { decodeSchema, type Field } from '../../../src/arrow/schema.ts'
import { WireSchemaCache } from '../../../src/sources/duckdb/types/wire-schema-cache.ts'

const column = (name: string, format: string, metadata: Field['metadata'] = []): Field => ({
  name,
  format,
  nullable: true,
  metadata,
  children: [],
})
const form = { losslessTypes: true, dictionaries: true }
const schema = (...children: Field[]): Field => ({ name: '', format: '+s', nullable: false, metadata: [], children })

describe('WireSchemaCache', () => {
  it('keeps extension types beside the Flight SQL metadata of columns', () => {
    const uuid = column('u', 'w:16', [['ARROW:extension:name', 'arrow.uuid']])
    const [field] = decodeSchema(new WireSchemaCache(false).encode(schema(uuid), form).message).children
    expect(field!.metadata).toEqual([
      ['ARROW:extension:name', 'arrow.uuid'],
      ['ARROW:FLIGHT:SQL:TYPE_NAME', 'UUID'],
      ['ARROW:FLIGHT:SQL:IS_SEARCHABLE', '1'],
    ])
  })

  it('encodes a schema once; another name or type is another schema', () => {
    const schemas = new WireSchemaCache(true)
    const first = schemas.encode(schema(column('a', 'i')), form)
    expect(schemas.encode(schema(column('a', 'i')), form)).toBe(first)
    for (const other of [column('b', 'i'), column('a', 'l')])
      expect(decodeSchema(schemas.encode(schema(other), form).message).children[0]).toMatchObject({
        name: other.name,
        format: other.format,
      })
  })

  it('evicts schemas above its size, and encodes them again', () => {
    const schemas = new WireSchemaCache(true)
    const first = schemas.encode(schema(column('a', 'i')), form)
    for (let i = 0; i < 20; i++) schemas.encode(schema(column(`${i}${'x'.repeat(50_000)}`, 'i')), form)
    const again = schemas.encode(schema(column('a', 'i')), form)
    expect(again).not.toBe(first)
    expect(again).toEqual(first)
    const wide = schema(column('x'.repeat(1_000_000), 'i'))
    expect(decodeSchema(schemas.encode(wide, form).message).children[0]!.name).toHaveLength(1_000_000)
  })
})
