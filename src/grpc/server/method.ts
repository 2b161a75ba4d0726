import type { GrpcCall } from './call.ts'

interface Common {
  /** A drain does not wait for calls of this method, such as health checks. */
  readonly background?: boolean
  /**
   * The method accepts callers without credentials, or checks the credentials itself; its requests are limited to
   * `OPEN_REQUEST_BYTES`. All other methods reject a call without valid credentials as soon as its headers arrive.
   */
  readonly open?: boolean
}

/** Request limit of an open method, in bytes: for all messages together as sent, and for each message decompressed. */
export const OPEN_REQUEST_BYTES = 64 << 10

/** Handler of a method. Unary handlers may return synchronously, which saves small calls a microtask. */
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
