import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { waitFor } from '../wait-for.ts'

type Attributes = Readonly<Record<string, string | number | boolean>>

/** A span as the collector has received it. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Empty for the root of a trace. */
  readonly parentId: string
  readonly name: string
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Attributes
  readonly events: readonly string[]
  /** Ids of the spans that it points to. */
  readonly links: readonly string[]
  readonly isError: boolean
  readonly message: string
  readonly traceState: string
  /** Attributes of the resource. */
  readonly resource: Attributes
}

/** How the collector answers an export. */
export type CollectorAnswer = 'ok' | 'refuse' | 'never'

/** A server that takes OTLP over HTTP as protobuf. */
export class OtlpCollector {
  readonly #server: Server
  readonly spans: ReceivedSpan[] = []
  /** Headers of each export. */
  readonly exports: IncomingHttpHeaders[] = []
  answer: CollectorAnswer = 'ok'

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(port = 0): Promise<OtlpCollector> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks)
        collector.exports.push(request.headers)
        if (collector.answer === 'never') return
        if (collector.answer === 'refuse' || request.url !== '/v1/traces') {
          response.writeHead(400).end()
          return
        }
        collector.spans.push(...decodeExport(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body))
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
      })
    })
    const collector = new OtlpCollector(server)
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    return collector
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}/v1/traces`
  }

  /** Spans of a trace once all have come: those that `isComplete` wants. */
  async trace(traceId: string, isComplete: (spans: readonly ReceivedSpan[]) => boolean): Promise<ReceivedSpan[]> {
    const of = () => this.spans.filter((span) => span.traceId === traceId)
    const names = () =>
      of()
        .map(({ name }) => name)
        .join(', ')
    try {
      return await waitFor(() => (isComplete(of()) ? of() : undefined), 'the spans of the trace', 30_000)
    } catch (error) {
      throw new Error(`${(error as Error).message}; there are: ${names()}`)
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** The fields of a message by number, each with all its values. */
function fieldsOf(bytes: Uint8Array): Map<number, (Uint8Array | bigint | number)[]> {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, (Uint8Array | bigint | number)[]>()
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    const value =
      type === WireType.LengthDelimited
        ? reader.bytes()
        : type === WireType.Bit64
          ? BigInt(reader.fixed64())
          : type === WireType.Bit32
            ? reader.fixed32()
            : BigInt(reader.int64())
    fields.set(number, [...(fields.get(number) ?? []), value])
  }
  return fields
}

const messages = (fields: ReturnType<typeof fieldsOf>, number: number) =>
  (fields.get(number) ?? []).map((bytes) => fieldsOf(bytes as Uint8Array))
const bytesOf = (fields: ReturnType<typeof fieldsOf>, number: number) =>
  Buffer.from((fields.get(number)?.[0] as Uint8Array | undefined) ?? new Uint8Array(0))
const numberOf = (fields: ReturnType<typeof fieldsOf>, number: number) => Number(fields.get(number)?.[0] ?? 0)

function attributesOf(fields: ReturnType<typeof fieldsOf>, number: number): Attributes {
  return Object.fromEntries(
    messages(fields, number).map((pair) => {
      const value = messages(pair, 2)[0]!
      const [kind] = value.keys()
      // AnyValue: 1 text, 2 boolean, 3 whole number, 4 double.
      const read =
        kind === 1
          ? bytesOf(value, 1).toString()
          : kind === 2
            ? numberOf(value, 2) === 1
            : kind === 4
              ? doubleOf(value.get(4)![0] as bigint)
              : numberOf(value, 3)
      return [bytesOf(pair, 1).toString(), read]
    }),
  )
}

function doubleOf(bits: bigint): number {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, bits))
  return bytes.readDoubleLE()
}

/**
 * Decodes an ExportTraceServiceRequest.
 * Source of the numbers: https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto.
 */
function decodeExport(body: Uint8Array): ReceivedSpan[] {
  return messages(fieldsOf(body), 1).flatMap((ofResource) => {
    const resource = attributesOf(messages(ofResource, 1)[0] ?? new Map(), 1)
    return messages(ofResource, 2).flatMap((ofScope) =>
      messages(ofScope, 2).map((span): ReceivedSpan => {
        const status = messages(span, 15)[0] ?? new Map()
        return {
          traceId: bytesOf(span, 1).toString('hex'),
          spanId: bytesOf(span, 2).toString('hex'),
          traceState: bytesOf(span, 3).toString(),
          parentId: bytesOf(span, 4).toString('hex'),
          name: bytesOf(span, 5).toString(),
          kind: numberOf(span, 6),
          startMs: numberOf(span, 7) / 1e6,
          endMs: numberOf(span, 8) / 1e6,
          attributes: attributesOf(span, 9),
          events: messages(span, 11).map((event) => bytesOf(event, 2).toString()),
          links: messages(span, 13).map((link) => bytesOf(link, 2).toString('hex')),
          isError: numberOf(status, 3) === 2,
          message: bytesOf(status, 2).toString(),
          resource,
        }
      }),
    )
  })
}
