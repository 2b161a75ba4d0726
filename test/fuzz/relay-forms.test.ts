import { describe, expect, it } from 'vitest'
import { encodeDictionaryBatch, encodeRecordBatch } from '../../src/arrow/batches/batch.ts'
import { readFlightData } from '../../src/arrow/ipc/flight-data.ts'
import type { Frame } from '../../src/arrow/ipc/frame.ts'
import { readHeader } from '../../src/arrow/ipc/header.ts'
import { encodeSchema, type Field } from '../../src/arrow/schema.ts'
import { FrameSender } from '../../src/fronts/grpc/frame-sender.ts'
import type { InboundMessage } from '../../src/grpc/client/message-reader.ts'
import type { GrpcCall } from '../../src/grpc/server/call.ts'
import { GatewayError } from '../../src/query/errors.ts'
import { upstreamError } from '../../src/sources/flightsql/errors.ts'
import { Lease } from '../../src/sources/flightsql/pool/lease.ts'
import type { CallBounds, Connection } from '../../src/sources/flightsql/protocol/connection.ts'
import { Relay } from '../../src/sources/flightsql/results/relay.ts'

/*
 * FlightData in all its legal forms, and in illegal ones, through the relay and the sender that splits batches. The relay gets
 * messages as the transport delivers them: as lists of buffers that end anywhere.
 */

const column = (name: string, format: string, more: Partial<Field> = {}): Field => ({
  name,
  format,
  nullable: true,
  metadata: [],
  children: [],
  ...more,
})
const schema = encodeSchema({
  name: '',
  format: '+s',
  nullable: false,
  metadata: [['k', 'v']],
  children: [
    column('i', 'l'),
    column('t', 'u'),
    column('l', '+l', { children: [column('item', 'b')] }),
    column('e', 'c', { dictionary: column('', 'u') }),
  ],
})
const ROWS = 3
const batchLayout = {
  rows: ROWS,
  nodes: [ROWS, 0, ROWS, 1, ROWS, 0, 4, 0, ROWS, 0],
  buffers: [0, 0, 0, 24, 24, 1, 32, 16, 48, 6, 56, 0, 56, 16, 72, 0, 72, 1, 80, 0, 80, 3],
  bodyLength: 88,
}
const batch = encodeRecordBatch(batchLayout)
const body = Buffer.alloc(88)
body.set([0b101], 24)
body.set([0, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 6, 0, 0, 0], 32)
body.write('onetwo', 48)
body.set([0, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0], 56)
const dictionary = encodeDictionaryBatch(0, { rows: 1, nodes: [1, 0], buffers: [0, 0, 0, 8, 8, 1], bodyLength: 16 })
const dictionaryBody = Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 120, 0, 0, 0, 0, 0, 0, 0])

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 128, ...varint(value >> 7)])
const field = (number: number, bytes: Uint8Array) =>
  Buffer.from([...varint(number * 8 + 2), ...varint(bytes.byteLength), ...bytes])
const descriptor = field(1, Buffer.from([8, 2, 18, 3, 97, 98, 99]))
const metadata = field(3, Buffer.from('attached'))
const header = (bytes: Uint8Array) => field(2, bytes)
const data = (bytes: Uint8Array) => field(1000, bytes)
/** Fields that a later FlightData may have: a negative varint, 64 bits, text, a group that contains a field 2, 32 bits. */
const unknown = Buffer.from([
  ...[0x30, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
  ...[0x39, 1, 2, 3, 4, 5, 6, 7, 8],
  ...field(9, Buffer.from('?')),
  ...[0x53, ...field(2, Buffer.from('no header')), 0x54],
  ...[0x5d, 1, 2, 3, 4],
])
const message = (...fields: readonly Uint8Array[]) => Buffer.concat(fields)
const plain = [
  message(header(schema)),
  message(header(dictionary), data(dictionaryBody)),
  message(header(batch), data(body)),
]

/** Streams of two batches at most. */
const forms: Readonly<Record<string, readonly Buffer[]>> = {
  'as servers write them': [...plain, plain[2]!],
  'a descriptor before the schema': [message(descriptor, header(schema)), ...plain.slice(1)],
  'metadata before the header': [
    message(metadata, header(schema)),
    plain[1]!,
    message(metadata, header(batch), data(body)),
  ],
  'metadata between header and body, and after it': [
    message(header(schema), metadata),
    plain[1]!,
    message(header(batch), metadata, data(body)),
    message(header(batch), data(body), metadata),
  ],
  'the body before the header': [
    message(header(schema)),
    message(data(dictionaryBody), header(dictionary)),
    message(data(body), metadata, header(batch)),
  ],
  'unknown fields everywhere': [
    message(unknown, header(schema), unknown),
    message(unknown, header(dictionary), unknown, data(dictionaryBody), unknown),
    message(unknown, data(body), unknown, header(batch), unknown),
  ],
  'repeated fields, the last of which counts': [
    message(header(batch), header(schema)),
    plain[1]!,
    message(header(schema), data(Buffer.alloc(3)), header(batch), data(body)),
  ],
  'an empty descriptor, an empty body': [
    message(field(1, Buffer.alloc(0)), header(schema), data(Buffer.alloc(0))),
    ...plain.slice(1),
  ],
  'metadata alone before the schema, between batches and at the end': [
    message(metadata),
    message(metadata, unknown),
    ...plain,
    message(metadata),
    plain[2]!,
    message(metadata),
  ],
  'messages without any field': [Buffer.alloc(0), ...plain, Buffer.alloc(0)],
}

interface Outcome {
  readonly messages: Buffer[]
  rows: number
  code?: string
  text?: string
}

const cut = (bytes: Buffer, ...at: readonly number[]): InboundMessage => {
  const borders = [0, ...at, bytes.length]
  const chunks = borders.slice(1).map((end, i) => bytes.subarray(borders[i]!, end))
  return { chunks, byteLength: bytes.length, release: () => {} }
}

/** Relays streams, each a part of one result, through a sender with a message limit; returns the outcome. */
async function relayed(parts: readonly (readonly InboundMessage[])[], maxBytes = 1 << 20): Promise<Outcome> {
  const outcome: Outcome = { messages: [], rows: 0 }
  const call = (messages: readonly InboundMessage[]) => {
    const rest = messages.values()
    return { headers: {}, next: async () => rest.next(), return: async () => ({ done: true, value: undefined }) }
  }
  const streams = parts.values()
  const connection = {
    start: async () => {
      const started = call(streams.next().value!)
      return { first: await started.next(), call: started }
    },
  }
  const lease = new Lease(connection as unknown as Connection, () => {})
  const bounds: CallBounds = { signal: new AbortController().signal, deadlineAt: Number.POSITIVE_INFINITY }
  const send = async ({ chunks }: Frame) => void outcome.messages.push(Buffer.concat(chunks))
  const sender = new FrameSender({ headers: {}, send } as unknown as GrpcCall, {
    maxOutboundMessageBytes: maxBytes,
    maxRowBytes: maxBytes,
  })
  const toError = (thrown: unknown) => upstreamError(thrown, 'up')
  try {
    const tickets = parts.map((_, i) => Buffer.from([i]))
    const result = await Relay.start(lease, tickets, bounds, { toError, visible: () => undefined })
    await sender.send(result.schema)
    for await (const frames of result.frames)
      for (const frame of frames) {
        await sender.send(frame)
        outcome.rows += frame.rows
      }
  } catch (thrown) {
    const error = toError(thrown)
    if (!(error instanceof GatewayError)) throw error
    outcome.code = error.code
    outcome.text = error.message
  }
  return outcome
}

const headersOf = (messages: readonly Buffer[]) => messages.map((each) => readFlightData(each).header)
const isBatch = (each: Uint8Array) => each.byteLength > 0 && readHeader(each).kind === 'batch'

describe('forms of FlightData', () => {
  it.each(Object.entries(forms))('are relayed unchanged, split at every byte: %s', async (_form, messages) => {
    const rows = ROWS * headersOf(messages).filter(isBatch).length
    // The client gets the schema first; messages before it are dropped.
    const first = headersOf(messages).findIndex((each) => each.byteLength > 0)
    const expected = messages.slice(first)
    for (const [i, bytes] of messages.entries())
      for (let at = 0; at <= bytes.length; at++) {
        const pieces = messages.map((each, j) => (i === j ? cut(each, at) : cut(each)))
        expect(await relayed([pieces])).toEqual({ messages: expected, rows })
      }
    const bytewise = messages.map((each) => cut(each, ...Array.from(each.keys()).slice(1)))
    expect(await relayed([bytewise])).toEqual({ messages: expected, rows })
    // As a second part of a result, the schema is left out.
    const asPart = await relayed([plain.map((each) => cut(each)), bytewise])
    expect(asPart.messages.slice(plain.length)).toEqual(expected.slice(1))
    expect([asPart.code, asPart.rows]).toEqual([undefined, ROWS + rows])
  })

  it.each([
    ['no message', [], 'a result ends before its schema'],
    ['metadata alone', [message(metadata)], 'a result ends before its schema'],
    ['a batch first', [plain[2]!], 'a result does not begin with its schema'],
    ['metadata, then a batch', [message(metadata), plain[2]!], 'a result does not begin with its schema'],
    ['metadata without end', Array<Buffer>(2000).fill(message(metadata)), 'too much application metadata'],
    ['a schema again', [...plain, plain[0]!], 'a second schema'],
    ['a body that is too short', [...plain.slice(0, 2), message(header(batch), data(body.subarray(1)))], 'shorter'],
    [
      'a body that is too short after much metadata',
      [...plain.slice(0, 2), message(header(batch), field(3, Buffer.alloc(500)), data(body.subarray(1)))],
      'shorter',
    ],
    ['no body', [...plain.slice(0, 2), message(header(batch))], 'shorter'],
    ['an undecodable schema', [message(header(Buffer.alloc(100, 7))), ...plain.slice(1)], 'malformed'],
  ])('that are illegal: client gets UPSTREAM_DATA that names the defect: %s', async (_what, messages, words) => {
    for (const pieces of [
      messages.map((each) => cut(each)),
      messages.map((each) => cut(each, ...Array.from(each.keys()).slice(1))),
    ]) {
      const { code, text } = await relayed([pieces])
      expect(code).toBe('UPSTREAM_DATA')
      expect(text).toContain(words)
      expect(text).toMatch(/^The source up sent malformed or cut-off data: .+\.$/)
    }
  })

  it.each([
    ['t', 'z', 'column 2 "t" is binary, not utf8'],
    ['t', 'l', 'column 2 "t" is int64, not utf8'],
  ])(
    'parts with different schemas: client gets UPSTREAM_DATA that names the column: %s as %s',
    async (name, format, words) => {
      const fields = [column('i', 'l'), column(name, 'u')]
      const schemaOf = (children: Field[]) =>
        cut(message(header(encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children }))))
      const { code, text } = await relayed([[schemaOf(fields)], [schemaOf([fields[0]!, column(name, format)])]])
      expect([code, text]).toEqual([
        'UPSTREAM_DATA',
        `The source up sent malformed or cut-off data: a part of the result has another schema than the first: ${words}.`,
      ])
    },
  )

  it('mutated or truncated at any byte: the rows that the headers announce, or UPSTREAM_DATA', async () => {
    for (const streamed of [plain, forms['metadata alone before the schema, between batches and at the end']!])
      for (const [i, bytes] of streamed.entries())
        for (let at = 0; at < bytes.length; at++) {
          const mutants = [0, 0x7f, 0xff, bytes[at]! ^ 0xff, bytes[at]! + 1].map((value) => {
            const copy = Buffer.from(bytes)
            copy[at] = value
            return copy
          })
          for (const mutant of [...mutants, bytes.subarray(0, at)]) {
            const messages = streamed.map((each, j) => (i === j ? mutant : each))
            const whole = await relayed([messages.map((each) => cut(each, at % (each.length + 1)))])
            // With this limit every batch must be split, and its rows are too large.
            const small = await relayed([messages.map((each) => cut(each))], 100)
            for (const { code } of [whole, small]) expect([undefined, 'UPSTREAM_DATA', 'ROW_TOO_LARGE']).toContain(code)
            if (whole.code !== undefined) continue
            const said = headersOf(messages)
              .filter(isBatch)
              .reduce((sum, each) => sum + readHeader(each).rows, 0)
            expect(whole.rows).toBe(said)
          }
        }
  })
})
