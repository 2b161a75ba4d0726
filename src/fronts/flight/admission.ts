import { GatewayError } from '../../query/errors.ts'

/** Whether statements may still begin; what has begun, and what ends something, is always served. */
export class Admission {
  #closed = false

  close(): void {
    this.#closed = true
  }

  /** @throws GatewayError DRAINING */
  check(): void {
    if (this.#closed) throw new GatewayError('DRAINING')
  }
}
