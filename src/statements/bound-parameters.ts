import { randomUUID } from 'node:crypto'
import { GatewayError } from '../query/errors.ts'
import type { PlannedSql, Principal } from '../query/types.ts'
import type { Blobs } from '../state/blobs.ts'
import type { BoundParameters } from './handles/prepared.ts'
import type { StatementTicket } from './handles/ticket.ts'
import { keys } from './keys.ts'

/** Larger parameters are kept in the shared state; smaller ones are sealed into the handle or ticket. */
const MAX_INLINE_BYTES = 4096

/** Stores the parameters that clients bind before they run a statement. */
export class ParameterStore {
  readonly #blobs: Blobs
  readonly #limits: { readonly ticketTtlMs: number }

  /** @param limits parameters are kept for as long as a ticket lives */
  constructor(blobs: Blobs, limits: { readonly ticketTtlMs: number }) {
    this.#blobs = blobs
    this.#limits = limits
  }

  async keep(principal: Principal, stream: Uint8Array): Promise<BoundParameters> {
    if (stream.byteLength <= MAX_INLINE_BYTES) return { inline: Buffer.from(stream).toString('base64') }
    const key = randomUUID()
    await this.#blobs.set(keys.parameters(key), stream, this.#limits.ticketTtlMs, principal.name)
    return { key }
  }

  /**
   * Returns the parameters as an Arrow IPC stream.
   * @throws GatewayError EXPIRED_TICKET when they are no longer kept
   */
  async load({ inline, key }: BoundParameters): Promise<Uint8Array> {
    if (inline !== undefined) return Buffer.from(inline, 'base64')
    const stream = await this.#blobs.get(keys.parameters(key!))
    if (!stream) throw new GatewayError('EXPIRED_TICKET', 'The bound parameters are no longer kept: bind them again.')
    return stream
  }

  /**
   * Returns the statement of a ticket with its parameters loaded.
   * @throws GatewayError as `load`
   */
  async loadStatement({ id, statement, bound }: StatementTicket): Promise<PlannedSql> {
    if (!bound) return { ...statement, execution: id }
    return { ...statement, query: { ...statement.query, parameters: await this.load(bound) }, execution: id }
  }
}
