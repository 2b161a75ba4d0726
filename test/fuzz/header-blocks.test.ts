import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HeaderDecoder } from '../../src/http2/hpack/header-decoder.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { decodeHuffman } from '../../src/http2/hpack/huffman.ts'
import { Http2ProtocolError } from '../../src/http2/protocol.ts'

const TIME_LIMIT_MS = process.env['CI'] === 'true' ? 2000 : 1000
const TABLE_BYTES = 4096
const MAX_LIST_BYTES = 4096
const limits = { numRuns: 100_000, interruptAfterTimeLimit: TIME_LIMIT_MS, markInterruptAsFailure: false }

const name = fc.oneof(
  fc.constantFrom('content-type', 'user-agent', 'grpc-timeout', 'x', 'authorization', 'cache-control'),
  fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,30}$/),
)
const value = fc
  .array(fc.integer({ min: 32, max: 255 }), { maxLength: 200 })
  .map((codes) => String.fromCharCode(...codes))

/** Encodes fields in every form of RFC 7541, with its own dynamic table in step with the decoder's. */
class Encoder {
  readonly #table: [string, string][] = []

  encode(fields: readonly (readonly [form: number, name: string, value: string])[]): Buffer {
    return Buffer.concat(fields.map(([form, n, v]) => this.#field(form, n, v)))
  }

  #field(form: number, n: string, v: string): Buffer {
    const at = this.#table.findIndex((entry) => entry[0] === n && entry[1] === v)
    if (form === 0 && at >= 0) return integer(62 + at, 7, 0x80)
    const nameAt = this.#table.findIndex((entry) => entry[0] === n)
    const [bits, pattern] = form === 1 ? [6, 0x40] : form === 2 ? [4, 0x10] : [4, 0]
    const head = nameAt >= 0 ? integer(62 + nameAt, bits, pattern) : Buffer.concat([integer(0, bits, pattern), text(n)])
    if (form === 1) this.#remember(n, v)
    return Buffer.concat([head, text(v)])
  }

  #remember(n: string, v: string): void {
    this.#table.unshift([n, v])
    const size = () => this.#table.reduce((sum, entry) => sum + entry[0].length + entry[1].length + 32, 0)
    while (size() > TABLE_BYTES) this.#table.pop()
  }
}

function integer(number: number, prefixBits: number, pattern: number): Buffer {
  const most = 2 ** prefixBits - 1
  if (number < most) return Buffer.of(pattern | number)
  const out = [pattern | most]
  let rest = number - most
  for (; rest >= 128; rest >>= 7) out.push((rest & 127) | 128)
  return Buffer.from([...out, rest])
}

const text = (plain: string) => Buffer.concat([integer(plain.length, 7, 0), Buffer.from(plain, 'latin1')])

/** Decodes a sequence of blocks; expects bounded output, and no exception other than a protocol error. */
function decodeAll(blocks: readonly Uint8Array[]): void {
  const decoder = new HeaderDecoder(TABLE_BYTES, MAX_LIST_BYTES)
  try {
    for (const block of blocks) {
      const fields = decoder.decode(Buffer.from(block))
      expect(decoder.listBytes).toBeLessThanOrEqual(2 * MAX_LIST_BYTES)
      let held = 0
      for (const [key, entry] of Object.entries(fields)) held += key.length + String(entry).length
      expect(held).toBeLessThanOrEqual(MAX_LIST_BYTES)
    }
  } catch (error) {
    if (!(error instanceof Http2ProtocolError)) throw error
    expect(decoder.listBytes).toBeLessThanOrEqual(2 * MAX_LIST_BYTES + TABLE_BYTES)
  }
}

describe('header blocks', () => {
  it('decode to the encoded fields, in every form and in sequence', () => {
    const field = fc.tuple(fc.nat(3), name, value)
    fc.assert(
      fc.property(fc.array(fc.array(field, { maxLength: 8 }), { maxLength: 8 }), (lists) => {
        const encoder = new Encoder()
        const decoder = new HeaderDecoder(TABLE_BYTES, 1 << 20)
        for (const list of lists) {
          const expected = new Map<string, string>()
          for (const [, n, v] of list) expected.set(n, expected.has(n) ? `${expected.get(n)}, ${v}` : v)
          const decoded = decoder.decode(encoder.encode(list))
          expect(new Map(Object.entries(decoded))).toEqual(expected)
          expect(decoder.listBytes).toBe(list.reduce((sum, [, n, v]) => sum + n.length + v.length + 32, 0))
        }
      }),
      limits,
    )
  })

  it('of our encoder decode to the same fields', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([n]) => n, maxLength: 20 }), (fields) => {
        const decoder = new HeaderDecoder(TABLE_BYTES, 1 << 20)
        expect(new Map(Object.entries(decoder.decode(encodeHeaders(fields))))).toEqual(new Map(fields))
        expect(decoder.verdict).toBe('good')
      }),
      limits,
    )
  })

  it('of random bytes are decoded within the limits or refused', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), decodeAll), limits)
  })

  it('that are damaged are decoded within the limits or refused', () => {
    const damaged = fc
      .tuple(
        fc.array(fc.tuple(fc.nat(3), name, value), { minLength: 1, maxLength: 30 }),
        fc.array(fc.tuple(fc.nat(3000), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      )
      .map(([list, changes]) => {
        const encoder = new Encoder()
        const blocks = [encoder.encode(list), encoder.encode(list)]
        for (const block of blocks) for (const [at, byte] of changes) if (at < block.length) block[at] = byte
        return blocks
      })
    fc.assert(fc.property(damaged, decodeAll), limits)
  })
})

describe('Huffman code', () => {
  it('of random bytes is decoded within its limit or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(100), (bytes, most) => {
        try {
          const decoded = decodeHuffman(bytes, most)
          const whole = decodeHuffman(bytes, 1000)
          if (decoded === undefined) expect(whole!.length).toBeGreaterThan(most)
          else expect(decoded).toBe(whole)
        } catch (error) {
          expect(error).toBeInstanceOf(Http2ProtocolError)
        }
      }),
      limits,
    )
  })
})
