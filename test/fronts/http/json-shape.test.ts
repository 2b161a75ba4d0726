import { describe, expect, it } from 'vitest'
import { checkJsonShape } from '../../../src/fronts/http/body/json-shape.ts'

const check = async (text: string) => await checkJsonShape(Buffer.from(text))
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const fieldsOf = (count: number) => `{${Array.from({ length: count }, (_, i) => `"f${i}":${i}`).join()}}`

describe('the shape of a body', () => {
  it('allows 64 levels, and as many objects beside each other as fit', async () => {
    await check(nested(64))
    await check(`[${Array.from({ length: 40_000 }, () => '{}').join()}]`)
    await expect(check(nested(65))).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('64 levels'),
    })
    await expect(check('{"a":'.repeat(65))).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })

  it('allows 20,000 fields, over all objects', async () => {
    await check(fieldsOf(20_000))
    await check(`[${fieldsOf(10_000)},${fieldsOf(10_000)}]`)
    await expect(check(fieldsOf(20_001))).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: expect.stringContaining('20000 fields'),
    })
    await expect(check(`[${fieldsOf(10_000)},${fieldsOf(10_001)}]`)).rejects.toMatchObject({ code: 'TOO_LARGE' })
  })

  it('allows 40,000 values, over all lists', async () => {
    const ones = (count: number) => `[${Array(count).fill(1).join()}]`
    await check(ones(40_000))
    await check(`{"a":${ones(20_000)},"b":${ones(20_000)}}`)
    await expect(check(ones(40_001))).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: expect.stringContaining('40000 values'),
    })
    await expect(check(`{"a":${ones(20_000)},"b":${ones(20_001)}}`)).rejects.toMatchObject({ code: 'TOO_LARGE' })
  })

  it('reads no text as brackets or fields, also with escapes and at the ends of turns', async () => {
    await check(JSON.stringify({ query: '[{,":'.repeat(100_000) }))
    await check(JSON.stringify({ query: '\\"[{":\\'.repeat(50_000) }))
    for (let length = 16_370; length < 16_390; length++)
      await check(`${JSON.stringify(`${'x'.repeat(length)}"\\`)},"${'['.repeat(100)}"`)
  })

  it('accepts what is no JSON: the parser tells the fault', async () => {
    await check(']]]}}}')
    await check('"\\')
    await check('')
  })
})
