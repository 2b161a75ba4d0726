import { randomUUID } from 'node:crypto'
import { GatewayError } from '../query/errors.ts'
import type { Context, PlannedSql } from '../query/types.ts'
import type { Blobs } from '../state/blobs.ts'

/** Above this, parameters wait in the state store instead of travelling inside handles and tickets. */
const MAX_INLINE_BYTES = 4096

/** Where the bound parameters of a statement are: in the sealed text itself, or in the state store. */
export interface BoundParameters {
  /** Base64 of an Arrow IPC stream. */
  readonly inline?: string
  readonly key?: string
}

interface KeepsParameters {
  readonly blobs: Blobs
  readonly limits: { readonly ticketTtlMs: number }
}

/** Keeps parameters for as long as a ticket lives. */
export async function keepParameters(
  front: KeepsParameters,
  ctx: Context,
  stream: Uint8Array,
): Promise<BoundParameters> {
  if (stream.byteLength <= MAX_INLINE_BYTES) return { inline: Buffer.from(stream).toString('base64') }
  const key = randomUUID()
  await front.blobs.set(`parameters:${key}`, stream, front.limits.ticketTtlMs, ctx.principal.name)
  return { key }
}

/**
 * The parameters as an Arrow IPC stream.
 * @throws GatewayError EXPIRED_TICKET when they are no longer kept
 */
export async function loadParameters(
  front: Pick<KeepsParameters, 'blobs'>,
  bound: BoundParameters,
): Promise<Uint8Array> {
  if (bound.inline !== undefined) return Buffer.from(bound.inline, 'base64')
  const stream = await front.blobs.get(`parameters:${bound.key}`)
  if (!stream) throw new GatewayError('EXPIRED_TICKET', 'The bound parameters are no longer kept: bind them again.')
  return stream
}

/**
 * What a ticket runs, its parameters loaded.
 * @throws GatewayError EXPIRED_TICKET
 */
export async function loadRunnable(
  front: Pick<KeepsParameters, 'blobs'>,
  { id, runnable, bound }: { readonly id: string; readonly runnable: PlannedSql; readonly bound?: BoundParameters },
): Promise<PlannedSql> {
  if (!bound) return { ...runnable, execution: id }
  const query = { ...runnable.query, parameters: await loadParameters(front, bound) }
  return { ...runnable, query, execution: id }
}
