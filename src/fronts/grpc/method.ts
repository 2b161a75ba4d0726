import type { GrpcCall } from './call.ts'

interface Common {
  /** Health checks and the like: nobody waits for their end before the server is closed. */
  readonly background?: boolean
}

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
