import * as grpc from '@grpc/grpc-js'
import {
  ExecuteRequest,
  ExecuteResponse,
  GatewayServiceDefinition,
} from '../../../gen/flightgate/v1/gateway_service.ts'
import { Connection } from './connection.ts'
import type { ConnectionOptions } from './connection-options.ts'

type Methods = typeof GatewayServiceDefinition.methods
type Unary = { [M in keyof Methods]: Methods[M]['responseStream'] extends false ? M : never }[keyof Methods]
type RequestOf<M extends Unary> = Parameters<Methods[M]['requestType']['encode']>[0]
type ResponseOf<M extends Unary> = ReturnType<Methods[M]['responseType']['decode']>

/** Calls the Gateway service of a running flightgate. */
export class GatewayClient {
  readonly #connection: Connection
  #call: { cancel(): void } | undefined

  constructor(options: ConnectionOptions) {
    this.#connection = new Connection(options)
  }

  /** @throws grpc.ServiceError; Error if the server is no flightgate */
  async call<M extends Unary>(method: M, request: RequestOf<M>): Promise<ResponseOf<M>> {
    try {
      return await this.#connection.withLogin(() => this.#unary(method, request))
    } catch (error) {
      const { code, details, metadata } = error as grpc.ServiceError
      // Each error of a flightgate names its code.
      if (code !== grpc.status.UNIMPLEMENTED || metadata.get('x-flightgate-error').length > 0) throw error
      throw new Error(`the server has no ${GatewayServiceDefinition.fullName}, so it is no flightgate (${details})`, {
        cause: error,
      })
    }
  }

  /**
   * Runs a statement and yields the parts of its result under backpressure. Leaving the iteration cancels it.
   * @throws grpc.ServiceError
   */
  async *execute(request: ExecuteRequest): AsyncGenerator<ExecuteResponse> {
    const { client, metadata, deadline } = this.#connection
    const call = client.makeServerStreamRequest(
      `/${GatewayServiceDefinition.fullName}/Execute`,
      (message: ExecuteRequest) => Buffer.from(ExecuteRequest.encode(message).finish()),
      (bytes) => ExecuteResponse.decode(bytes),
      request,
      metadata,
      { deadline },
    )
    this.#call = call
    try {
      for await (const part of call) yield part as ExecuteResponse
    } finally {
      call.cancel()
    }
  }

  #unary<M extends Unary>(method: M, request: RequestOf<M>): Promise<ResponseOf<M>> {
    const { client, metadata, deadline } = this.#connection
    const { name, requestType, responseType } = GatewayServiceDefinition.methods[method]
    return new Promise((resolve, reject) => {
      this.#call = client.makeUnaryRequest(
        `/${GatewayServiceDefinition.fullName}/${name}`,
        (message: RequestOf<M>) => Buffer.from(requestType.encode(message as never).finish()),
        (bytes) => responseType.decode(bytes) as ResponseOf<M>,
        request,
        metadata,
        { deadline },
        (error, response) => (error ? reject(error) : resolve(response!)),
      )
    })
  }

  cancel(): void {
    this.#call?.cancel()
  }

  close(): void {
    this.#connection.close()
  }
}
