import * as grpc from '@grpc/grpc-js'
import {
  type BatchSummary,
  ExecuteBatchRequest,
  ExecuteBatchResponse,
  ExecuteRequest,
  ExecuteResponse,
  type Statement,
} from '../../gen/flightgate/v1/gateway_service.ts'

const service = '/flightgate.v1.GatewayService'
const bytesOf = (bytes: Buffer) => bytes

/** A client of the Gateway service on one connection. */
export class GatewayClient {
  readonly #client: grpc.Client

  constructor(address: string) {
    this.#client = new grpc.Client(address, grpc.credentials.createInsecure())
  }

  /** Runs a statement; returns its rows. @throws the call's error */
  async execute(query: string, dataSource: string): Promise<number> {
    const request = ExecuteRequest.encode({ statement: statementOf(query, dataSource) }).finish()
    let rows = 0
    for await (const message of this.#stream('Execute', request)) {
      const { part } = ExecuteResponse.decode(message)
      if (part?.$case === 'summary') rows = Number(part.value.metrics?.rows)
    }
    return rows
  }

  /** Runs statements as one batch; returns its summary. @throws the call's error; Error when a statement failed */
  async executeBatch(queries: readonly string[], dataSource: string, maxConcurrency: number): Promise<BatchSummary> {
    const statements = queries.map((query, i) => statementOf(query, dataSource, `s${i}`))
    const options = { maxConcurrency, timeoutMs: 0, stopOnError: false }
    const request = ExecuteBatchRequest.encode({ statements, options }).finish()
    let summary: BatchSummary | undefined
    for await (const message of this.#stream('ExecuteBatch', request)) {
      const { part } = ExecuteBatchResponse.decode(message)
      if (part?.$case === 'summary') summary = part.value
    }
    if (summary?.succeeded !== queries.length) throw new Error(`${summary?.failed} statements failed`)
    return summary
  }

  close(): void {
    this.#client.close()
  }

  #stream(method: string, request: Uint8Array): AsyncIterable<Buffer> {
    return this.#client.makeServerStreamRequest(`${service}/${method}`, bytesOf, bytesOf, Buffer.from(request))
  }
}

function statementOf(query: string, dataSource: string, id = ''): Statement {
  return { id, text: { $case: 'query', value: query }, dataSource, parameters: new Uint8Array(0) }
}
