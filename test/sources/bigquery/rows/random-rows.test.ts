import { describe, expect, it } from 'vitest'
import { writeFloat64 } from '../../../../src/sources/bigquery/rows/values/floats.ts'
import type { TableField } from '../../../../src/sources/bigquery/types/table-field.ts'
import { answerOf, type RestValue, rowsOf } from './encode-page.ts'

/** Numbers of a linear congruential generator, so that a failure can be repeated. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const letters = ['a', '"', '\\', '/', '\n', '\u0001', 'é', '🚀', '\ud800', ']', '}', ',', '{"v":', ' ']

/** A column with values as REST sends them, and the values that the client gets. */
interface Case {
  readonly field: TableField
  value(): { readonly rest: RestValue; readonly read: unknown }
}

function caseOf(name: string, random: (below: number) => number, depth: number): Case {
  const kind = random(depth > 2 ? 4 : 6)
  const nullable = (make: () => { rest: RestValue; read: unknown }) => () =>
    random(4) === 0 ? { rest: null, read: null } : make()
  if (kind === 0)
    return {
      field: { name, type: 'INT64' },
      value: nullable(() => {
        const digits = 1 + random(18)
        const text = String(BigInt(Array.from({ length: digits }, () => random(10)).join('')) * (random(2) ? 1n : -1n))
        return { rest: text, read: text }
      }),
    }
  if (kind === 1)
    return {
      field: { name, type: 'STRING' },
      value: nullable(() => {
        const text = Array.from({ length: random(40) }, () => letters[random(letters.length)]!).join('')
        return { rest: text, read: text.toWellFormed() }
      }),
    }
  if (kind === 2)
    return {
      field: { name, type: 'BYTES' },
      value: nullable(() => {
        const text = Buffer.from(Array.from({ length: random(20) }, () => random(256))).toString('base64')
        return { rest: text, read: text }
      }),
    }
  if (kind === 3)
    return {
      field: { name, type: 'BIGNUMERIC' },
      value: nullable(() => {
        const digits = (count: number) => Array.from({ length: count }, () => random(10)).join('')
        const whole = BigInt(digits(1 + random(38)))
        const isNegative = whole !== 0n && random(2) === 1
        const fraction = digits(38)
        const text = `${isNegative ? '-' : ''}${whole}.${fraction}`
        return { rest: text, read: text }
      }),
    }
  if (kind === 4) {
    const item = caseOf('item', random, depth + 1)
    if (item.field.mode === 'REPEATED') return caseOf(name, random, depth + 1)
    return {
      field: { ...item.field, name, mode: 'REPEATED' },
      value: () => {
        const items = Array.from({ length: random(4) }, () => item.value())
        return { rest: items.map(({ rest }) => rest), read: items.map(({ read }) => read) }
      },
    }
  }
  const members = Array.from({ length: random(4) }, (_, i) => caseOf(`m${i}`, random, depth + 1))
  return {
    field: { name, type: 'RECORD', fields: members.map(({ field }) => field) },
    value: nullable(() => {
      const values = members.map((member) => member.value())
      const object = (of: (value: (typeof values)[number]) => unknown) =>
        Object.fromEntries(members.map(({ field }, i) => [field.name, of(values[i]!)]))
      return { rest: object(({ rest }) => rest) as RestValue, read: object(({ read }) => read) }
    }),
  }
}

describe('random schemas and values', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))('seed %i: what is written is read', async (seed) => {
    const random = randomOf(seed)
    const cases = Array.from({ length: 1 + random(6) }, (_, i) => caseOf(`c${i}`, random, 0))
    const rows = Array.from({ length: random(200) }, () => cases.map((each) => each.value()))
    const answer = answerOf(rows.map((row) => row.map(({ rest }) => rest)))
    const options = { limits: { batchRows: 1 + random(100), batchBytes: 1 << (8 + random(12)) } }
    const read = await rowsOf(
      cases.map(({ field }) => field),
      answer,
      options,
    )
    expect(read).toEqual(rows.map((row) => row.map((each) => each.read)))
  })

  it('answers with changed bytes give rows only where JSON.parse takes them', async () => {
    const random = randomOf(99)
    const fields: TableField[] = [
      { name: 's', type: 'STRING' },
      { name: 'a', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 't', type: 'STRING' }] },
    ]
    const answer = answerOf(Array.from({ length: 3 }, (_, i) => [`x\n"${i}`, [{ t: 'é' }, { t: null }]]))
    let accepted = 0
    for (let i = 0; i < 3000; i++) {
      const changed = Buffer.from(answer)
      for (let n = random(3); n >= 0; n--) {
        const signs = '"\\{}[],:vf01nu e'
        changed[random(changed.length)] = random(4) ? signs.charCodeAt(random(signs.length)) : random(256)
      }
      const text = changed.toString()
      try {
        const rows = await rowsOf(fields, changed)
        accepted++
        const parsed = JSON.parse(text) as { rows?: { f: { v: unknown }[] }[] }
        expect(rows).toHaveLength(parsed.rows?.length ?? 0)
        for (const [row, read] of rows.entries()) {
          const value = parsed.rows![row]!.f[0]!.v ?? null
          expect(read[0]).toBe(typeof value === 'string' ? value.toWellFormed() : value === null ? null : String(value))
        }
      } catch (error) {
        expect(error).toMatchObject({ code: 'UPSTREAM_DATA' })
      }
    }
    expect(accepted).toBeGreaterThan(100)
  }, 30_000)

  it('texts of doubles are rounded as JavaScript rounds them', () => {
    const random = randomOf(7)
    const words = new Int32Array(2)
    const read = new Float64Array(words.buffer)
    const bits = new Uint32Array(2)
    const any = new Float64Array(bits.buffer)
    for (let i = 0; i < 100_000; i++) {
      bits[0] = random(2 ** 32)
      bits[1] = random(2 ** 32)
      const near = (random(2 ** 32) - 2 ** 31) / 10 ** random(20)
      const texts = [String(near), near.toExponential(random(20)), near.toFixed(random(20))]
      if (Number.isFinite(any[0])) texts.push(String(any[0]))
      texts.push(String(2n ** 53n + BigInt(2 * i + 1)))
      for (const text of texts) {
        const bytes = Buffer.from(text)
        writeFloat64(words, 0, bytes, 0, bytes.length)
        if (!Object.is(read[0], Number(text))) expect.fail(`${text} became ${read[0]}`)
      }
    }
  })
})
