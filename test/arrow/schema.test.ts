import { Builder } from 'flatbuffers'
import { describe, expect, it } from 'vitest'
import { finishMessage, MessageHeader, offsetVector, table } from '../../src/arrow/ipc/message-builder.ts'
import { decodeSchema, encodeSchema, type Field } from '../../src/arrow/schema.ts'

const field = (format: string, children: Field[] = []): Field => ({
  name: 'f',
  format,
  nullable: true,
  metadata: [],
  children,
})
const schemaOf = (...children: Field[]) => encodeSchema({ ...field('+s', children), name: '', nullable: false })

describe('a schema', () => {
  it('whose offsets repeat the same fields exponentially is refused at once', () => {
    const builder = new Builder(1024)
    const STRUCT = 13
    let at = 0
    for (let depth = 0; depth < 40; depth++) {
      const children = offsetVector(builder, at === 0 ? [] : [at, at])
      const type = table(builder, 0, () => {})
      at = table(builder, 7, () => {
        builder.addFieldInt8(2, STRUCT, 0)
        builder.addFieldOffset(3, type, 0)
        builder.addFieldOffset(5, children, 0)
      })
    }
    const fields = offsetVector(builder, [at])
    const schema = table(builder, 4, () => builder.addFieldOffset(1, fields, 0))
    const message = finishMessage(builder, MessageHeader.schema, schema, 0)
    expect(() => decodeSchema(message)).toThrow('malformed')
  })

  it.each(['+vl', '+vL', '+l', '+L'])('keeps the children of its type: %s', (format) => {
    const [read] = decodeSchema(schemaOf(field(format, [field('l')]))).children
    expect([read?.format, read?.children.map((child) => child.format)]).toEqual([format, ['l']])
  })

  it.each([
    ['a list without a child', field('+l')],
    ['a list with two children', field('+l', [field('l'), field('l')])],
    ['a list view without a child', field('+vl')],
    ['run-end encoding without values', field('+r', [field('i')])],
    ['run-end encoding whose run ends are texts', field('+r', [field('u'), field('l')])],
    ['a map without entries', field('+m')],
    ['a union with more type ids than children', field('+ud:0,1', [field('l')])],
    ['a number with a child', field('l', [field('l')])],
    ['fixed-size lists of a negative size', field('+w:-1', [field('l')])],
  ])('whose children do not fit its type is refused: %s', (_what, column) => {
    expect(() => decodeSchema(schemaOf(column))).toThrow(/children that do not fit|negative size/)
  })

  it('keeps the run ends of run-end encoding', () => {
    const [read] = decodeSchema(schemaOf(field('+r', [field('i'), field('u')]))).children
    expect([read?.format, read?.children.map((child) => child.format)]).toEqual(['+r', ['i', 'u']])
  })
})
