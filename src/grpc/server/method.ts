import type { GrpcCall } from './call.ts'

interface Common {
  /** Health checks and the like: nobody waits for their end before the server is closed. */
  readonly background?: boolean
  /**
   * Answers callers without credentials, or asks for them itself. All other methods are refused as soon as the headers have
   * come when these hold none. Strangers' requests are small: `OPEN_REQUEST_BYTES`.
   */
  readonly open?: boolean
}

/** Size of the request of an open method: all messages together, and each once more when it is decompressed. */
export const OPEN_REQUEST_BYTES = 64 << 10

/** What a method does with a call. Unary handlers may answer at once, which spares small calls a trip through the queue. */
export type Method =
  | (Common & {
      readonly kind: 'unary'
      readonly handle: (request: Buffer, call: GrpcCall) => Uint8Array | Promise<Uint8Array>
    })
  | (Common & {
      readonly kind: 'serverStream'
      readonly handle: (request: Buffer, call: GrpcCall) => Promise<void>
    })
  | (Common & {
      readonly kind: 'bidi'
      readonly handle: (requests: AsyncGenerator<Buffer, void, undefined>, call: GrpcCall) => Promise<void>
    })

/** Methods by full path, such as `/arrow.flight.protocol.FlightService/DoGet`. */
export type Methods = Readonly<Record<string, Method>>
