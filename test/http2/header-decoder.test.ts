import { describe, expect, it } from 'vitest'
import { HeaderDecoder } from '../../src/http2/hpack/header-decoder.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { decodeHuffman } from '../../src/http2/hpack/huffman.ts'
import { ErrorCode, Http2ProtocolError } from '../../src/http2/protocol.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const plain = (fields: object) => ({ ...fields })

describe('HeaderDecoder', () => {
  it('decodes the examples of RFC 7541, appendix C.5 and C.6, in order with a table of 256 bytes', () => {
    const date = ['Mon, 21 Oct 2013 20:13:21 GMT', 'Mon, 21 Oct 2013 20:13:22 GMT']
    const first = { ':status': '302', 'cache-control': 'private', date: date[0], location: 'https://www.example.com' }
    const cookie = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'
    const expected = [
      first,
      { ...first, ':status': '307' },
      {
        ...first,
        ':status': '200',
        date: date[1],
        'content-encoding': 'gzip',
        'set-cookie': [cookie],
      },
    ]
    const plainBlocks = [
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
       2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
       6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
       54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
       5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
       3d31`,
    ]
    const huffmanBlocks = [
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
       2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
       77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
       9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ]
    for (const blocks of [plainBlocks, huffmanBlocks]) {
      const decoder = new HeaderDecoder(256, 65_536)
      expect(blocks.map((block) => plain(decoder.decode(hex(block.replaceAll(/\s/g, '')))))).toEqual(expected)
    }
  })

  it('decodes what our encoder writes to the same fields', () => {
    const fields: [string, string][] = [
      [':method', 'POST'],
      [':scheme', 'https'],
      [':path', '/arrow.flight.protocol.FlightService/DoGet'],
      ['te', 'trailers'],
      ['authorization', `Bearer ${'x'.repeat(5000)}`],
      ['x-empty', ''],
      ['X-Upper', 'a'],
      ['latin', 'é'],
    ]
    const block = encodeHeaders(fields)
    const decoded = plain(new HeaderDecoder(4096, 65_536).decode(block))
    expect(decoded).toEqual(Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value])))
    // Credentials must never enter a dynamic table, neither ours nor that of a proxy in between.
    expect(block.includes(Buffer.from([0x10 | 15, 23 - 15]))).toBe(true)
  })

  it('joins repeated fields, and keeps each set-cookie separate', () => {
    const block = encodeHeaders([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['x', '1'],
      ['x', '2'],
      ['cookie', 'c'],
      ['cookie', 'd'],
      ['__proto__', 'e'],
    ])
    const decoded = new HeaderDecoder(4096, 65_536).decode(block)
    expect(Object.entries(decoded)).toEqual([
      ['set-cookie', ['a=1', 'b=2']],
      ['x', '1, 2'],
      ['cookie', 'c; d'],
      ['__proto__', 'e'],
    ])
  })

  it.each([
    ['an index beyond the table', 'ff 80 01'],
    ['the index 0', '80'],
    ['a number without an end', 'ff ff ff ff ff ff ff ff'],
    ['a value that is cut short', '40 01 61 05 62'],
    ['a name without a value', '40 01 61'],
    ['a table larger than offered', '3f e2 1f 20'],
    ['a Huffman code with the end inside', '40 01 61 84 ff ff ff ff'],
    ['a Huffman code with too much padding', '40 01 61 82 1f ff'],
    ['a Huffman code padded with zeros', '40 01 61 81 18'],
  ])('with %s are refused', (_, block) => {
    expect(() => new HeaderDecoder(4096, 65_536).decode(hex(block))).toThrow(Http2ProtocolError)
  })

  it.each([
    ['a name in upper case', '40 01 41 01 62'],
    ['a line break in a value', '40 01 61 03 62 0d 0a'],
    ['a pseudo-field behind others', '40 01 61 01 62 82'],
    ['a pseudo-field twice', '82 83'],
  ])('with %s are malformed, and the next is not', (_, block) => {
    const decoder = new HeaderDecoder(4096, 65_536)
    decoder.decode(hex(block))
    expect(decoder.verdict).toBe('malformed')
    expect(plain(decoder.decode(hex('82')))).toEqual({ ':method': 'GET' })
    expect(decoder.verdict).toBe('good')
  })

  it('a field list above the memory limit: verdict is too large, dynamic table stays in step with the peer', () => {
    const decoder = new HeaderDecoder(4096, 1000)
    // Each repetition of a field from the table takes one byte.
    decoder.decode(Buffer.concat([hex('40 01 61 7f 25'), Buffer.alloc(164, 0x62)]))
    expect(decoder.verdict).toBe('good')
    const fields = decoder.decode(Buffer.concat([Buffer.alloc(5, 0xbe), hex('40 01 63 01 64')]))
    expect(decoder.verdict).toBe('too large')
    expect(decoder.listBytes).toBe(5 * (1 + 164 + 32) + 34)
    expect(JSON.stringify(fields).length).toBeLessThan(2000)
    expect(plain(decoder.decode(hex('be')))).toEqual({ c: 'd' })
  })

  it.each([
    [
      'repeated fields from the table',
      Buffer.concat([hex('40 01 61 7f 25'), Buffer.alloc(164, 0x62), Buffer.alloc(200_000, 0xbe)]),
    ],
    ['a long value', Buffer.concat([hex('00 01 61 7f e1 0e'), Buffer.alloc(2016, 0x62)])],
    ['a Huffman code', Buffer.concat([hex('00 01 61 ff a1 9b 01'), Buffer.alloc(20_000)])],
    ['a long name', Buffer.concat([hex('00 7f e1 0e'), Buffer.alloc(2016, 0x62), hex('00')])],
  ])('a field list more than twice the limit because of %s: decoding stops with ENHANCE_YOUR_CALM', (_, block) => {
    const decoder = new HeaderDecoder(4096, 1000)
    expect(() => decoder.decode(block)).toThrow(expect.objectContaining({ code: ErrorCode.enhanceYourCalm }))
    expect(decoder.listBytes).toBeLessThan(2200)
  })

  it('a field whose name is a malformed entry of the table: the block is malformed too', () => {
    const decoder = new HeaderDecoder(4096, 65_536)
    decoder.decode(hex('40 01 41 01 62'))
    expect(decoder.verdict).toBe('malformed')
    for (const block of ['be', '0f 2f 01 63', '7e 01 63', 'be']) {
      decoder.decode(hex(block))
      expect(decoder.verdict).toBe('malformed')
    }
  })

  it('any bytes: decoded or refused, no other exception', () => {
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return seed % below
    }
    for (let i = 0; i < 5000; i++) {
      const block = Buffer.from(Array.from({ length: random(40) }, () => random(256)))
      try {
        new HeaderDecoder(4096, 65_536).decode(block)
      } catch (error) {
        expect(error).toBeInstanceOf(Http2ProtocolError)
      }
    }
  })
})

describe('Huffman code', () => {
  it('encodes and decodes every byte value', () => {
    // Codes of RFC 7541, appendix B, of the shortest and the longest, and of some between.
    const codes: [string, string][] = [
      ['0', '00000'],
      ['t', '01001'],
      [' ', '010100'],
      ['z', '1111011'],
      ['&', '11111000'],
      ['!', '1111111000'],
      ['\\', '1111111111111110000'],
      ['\u0080', '11111111111111100110'],
      ['\u0000', '1111111111000'],
      ['\u00ff', '11111111111111111111101110'],
      ['\u000a', '111111111111111111111111111100'],
      ['\u0016', '111111111111111111111111111110'],
    ]
    for (const [character, bits] of codes) {
      const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1')
      const bytes = Buffer.from(padded.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)))
      expect(decodeHuffman(bytes, 1)).toBe(character)
    }
  })
})
