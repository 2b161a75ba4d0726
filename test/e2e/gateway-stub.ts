import * as grpc from '@grpc/grpc-js'
import {
  type ExecuteBatchResponse,
  type ExecuteResponse,
  GatewayServiceDefinition,
  type Statement,
} from '../../gen/flightgate/v1/gateway_service.ts'

type Methods = typeof GatewayServiceDefinition.methods
type RequestOf<M extends keyof Methods> = Parameters<Methods[M]['requestType']['encode']>[0]
type ResponseOf<M extends keyof Methods> = ReturnType<Methods[M]['responseType']['decode']>
type Streaming = 'execute' | 'executeBatch'
type Headers = Readonly<Record<string, string>>

/** How a call failed. */
export interface Failure {
  readonly code: number
  readonly details: string
  /** The code of the gateway's error. */
  readonly error: string | undefined
  readonly trailers: grpc.Metadata
}

/** A gRPC client of the Gateway service, made from the generated definitions. */
export class GatewayStub {
  readonly #client: grpc.Client

  constructor(address: string, options: grpc.ClientOptions = {}) {
    this.#client = new grpc.Client(address, grpc.credentials.createInsecure(), options)
  }

  /** Calls a unary method. @throws grpc.ServiceError */
  unary<M extends Exclude<keyof Methods, Streaming>>(
    method: M,
    request: RequestOf<M>,
    headers: Headers = {},
  ): Promise<ResponseOf<M>> {
    const { path, encode, decode } = codecOf(method)
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        encode,
        decode,
        request,
        metadataOf(headers),
        { deadline: Date.now() + 30_000 },
        (error, response) => (error ? reject(error) : resolve(response as ResponseOf<M>)),
      )
    })
  }

  /** Opens a streaming call. */
  open<M extends Streaming>(
    method: M,
    request: RequestOf<M>,
    headers: Headers = {},
    deadlineMs = 30_000,
  ): grpc.ClientReadableStream<ResponseOf<M>> {
    const { path, encode, decode } = codecOf(method)
    const options = { deadline: Date.now() + deadlineMs }
    const stream = this.#client.makeServerStreamRequest(path, encode, decode, request, metadataOf(headers), options)
    return stream.on('error', () => {}) as grpc.ClientReadableStream<ResponseOf<M>>
  }

  /** Reads a streaming call to its end. @throws grpc.ServiceError, whose `messages` are what came before it */
  async read<M extends Streaming>(
    method: M,
    request: RequestOf<M>,
    headers: Headers = {},
    deadlineMs = 30_000,
  ): Promise<ResponseOf<M>[]> {
    const messages: ResponseOf<M>[] = []
    try {
      for await (const message of this.open(method, request, headers, deadlineMs)) messages.push(message)
    } catch (error) {
      throw Object.assign(error as Error, { messages })
    }
    return messages
  }

  close(): void {
    this.#client.close()
  }
}

/** How a call failed that must fail. */
export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  try {
    await call
  } catch (thrown) {
    const { code, details, metadata } = thrown as grpc.ServiceError
    return { code, details, error: metadata.get('x-flightgate-error')[0] as string | undefined, trailers: metadata }
  }
  throw new Error('the call succeeded')
}

/** A statement with an SQL text. */
export function sql(query: string, parts: Partial<Statement> = {}): Statement {
  return { id: '', text: { $case: 'query', value: query }, dataSource: '', parameters: new Uint8Array(0), ...parts }
}

/** A statement that scans a table. */
export function scan(name: string, parts: Partial<Statement> = {}, columns: string[] = [], filter = ''): Statement {
  return sql('', { ...parts, text: { $case: 'table', value: { name, columns, filter, limit: undefined } } })
}

/** The Arrow IPC stream of a result: the joined parts, of one statement in the case of a batch. */
export function streamOf(messages: readonly (ExecuteResponse | ExecuteBatchResponse)[], id?: string): Buffer {
  const parts: Uint8Array[] = []
  for (const message of messages) {
    if (id !== undefined && (message as ExecuteBatchResponse).id !== id) continue
    const { part } = message
    if (part?.$case === 'schema' || part?.$case === 'recordBatch' || part?.$case === 'dictionaryBatch')
      parts.push(part.value)
  }
  return Buffer.concat(parts)
}

function codecOf(method: keyof Methods) {
  const { name, requestType, responseType } = GatewayServiceDefinition.methods[method]
  return {
    path: `/${GatewayServiceDefinition.fullName}/${name}`,
    encode: (request: unknown) => Buffer.from(requestType.encode(request as never).finish()),
    decode: (bytes: Buffer): unknown => responseType.decode(bytes),
  }
}

function metadataOf(headers: Headers): grpc.Metadata {
  const metadata = new grpc.Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return metadata
}
