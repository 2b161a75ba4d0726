import { frameOf } from '../../arrow/frame.ts'
import type { Context, Result } from '../../query/types.ts'
import type { FlightSqlConfig } from './config.ts'
import { Cushion } from './cushion.ts'
import { metadataToClient } from './forwarding.ts'
import type { Lease } from './lease.ts'
import type { Lending } from './lending.ts'
import { Relay } from './relay.ts'
import type { UpstreamObserver } from './upstream.ts'

/** Turns tickets of an upstream into results of the source. */
export class Results {
  readonly #config: FlightSqlConfig
  readonly #lending: Lending
  readonly #observer: UpstreamObserver

  constructor(config: FlightSqlConfig, lending: Lending, observer: UpstreamObserver) {
    this.#config = config
    this.#lending = lending
    this.#observer = observer
  }

  /**
   * The results of tickets as one, relayed on the lease, which it keeps until its end.
   * @param close run on the lease before it goes back
   * @throws GrpcFailure, or the signal's reason
   */
  async relay(
    lease: Lease,
    tickets: readonly Uint8Array[],
    ctx: Context,
    close?: () => Promise<void>,
  ): Promise<Result> {
    const { slowReader, forward } = this.#config
    const result = await Relay.start(lease, tickets, this.#lending.streamBounds(ctx), {
      toError: (error) => this.#lending.toError(error),
      visible: (headers) => metadataToClient(headers, forward),
      ...(close && { close }),
    })
    const cushion = new Cushion(result.frames[Symbol.asyncIterator](), slowReader, (memory, spill) =>
      this.#observer.onCushion(memory, spill),
    )
    return { ...result, frames: { [Symbol.asyncIterator]: () => cushion } }
  }
}

/** A result without rows. @param schema bare flatbuffer `Message` */
export function emptyResult(schema: Uint8Array, affectedRows = -1): Result {
  return {
    schema: frameOf(schema, new Uint8Array(0), 0),
    frames: (async function* () {})(),
    stats: { rows: 0, bytes: 0, affectedRows },
  }
}
