import { type ErrorCode, errorTable, GatewayError } from '../../query/errors.ts'

/** An error of another process of the gateway, whose trailers go to the client as they came. */
export class RelayedError extends GatewayError {
  /** All trailers, with status and message. */
  readonly trailers: Readonly<Record<string, string>>

  /** @param message of the status, decoded */
  constructor(message: string, trailers: Readonly<Record<string, string>>) {
    const code = trailers['x-flightgate-error']
    super(code !== undefined && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'INTERNAL', message)
    this.trailers = trailers
  }
}
