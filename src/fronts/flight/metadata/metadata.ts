import type { Frame } from '../../../arrow/ipc/frame.ts'
import type { GrpcCall } from '../../../grpc/server/call.ts'
import { deriveContext } from '../../../query/derive-context.ts'
import { GatewayError } from '../../../query/errors.ts'
import { SealKind } from '../../../query/sealer.ts'
import type { Context } from '../../../query/types.ts'
import { sessionOf } from '../call-session.ts'
import type { FlightFront } from '../front.ts'
import { SOURCE_HEADER } from '../source-header.ts'
import { metadataCommands } from './commands.ts'
import { schemaMessage } from './encode.ts'

/** A metadata command as it came, with the source that the call named. */
export interface MetadataRequest {
  readonly name: string
  readonly value: Uint8Array
  readonly source?: string
}

interface Payload {
  readonly n: string
  readonly v: string
  readonly s?: string
  /** Whether the schemas of tables are to have extension types, where the call or its session says so. */
  readonly l?: boolean
}

/** Whether a Flight SQL command asks for metadata. */
export function isMetadataCommand(name: string): boolean {
  return Object.hasOwn(metadataCommands, name)
}

/** Schema of the result as a bare flatbuffer `Message`. */
export function metadataSchema({ name, value }: MetadataRequest): Uint8Array {
  return schemaMessage(metadataCommands[name]!.schema(value))
}

/** Commands that speak of one engine: of the source that the call is for, also where none is chosen. */
const ofOneSource: ReadonlySet<string> = new Set(['CommandGetSqlInfo', 'CommandGetXdbcTypeInfo'])

/**
 * Seals a ticket for the command itself; it is answered when the ticket is redeemed.
 * @throws GatewayError UNKNOWN_SOURCE
 */
export async function sealMetadata(
  front: FlightFront,
  ctx: Context,
  call: GrpcCall,
  request: MetadataRequest,
  expiresAt: number,
): Promise<Buffer> {
  const { source: chosen, catalogSource, ...session } = await sessionOf(front, call, ctx)
  const named = call.header(SOURCE_HEADER) ?? chosen ?? catalogSource
  const source =
    named !== undefined || ofOneSource.has(request.name)
      ? front.router.route(named, session, ctx.principal).name
      : undefined
  const payload: Payload = {
    n: request.name,
    v: Buffer.from(request.value).toString('base64'),
    ...(source !== undefined && { s: source }),
    ...(session.losslessTypes !== undefined && { l: session.losslessTypes }),
  }
  return renewMetadata(front, ctx, Buffer.from(JSON.stringify(payload)), expiresAt)
}

/** Whether a sealed ticket is one of `sealMetadata`. */
export function isMetadataTicket(sealed: Uint8Array): boolean {
  return sealed[1] === SealKind.metadata
}

/**
 * What a metadata ticket holds, for `renewMetadata`.
 * @throws GatewayError as `Sealer.open`, EXPIRED_TICKET, FOREIGN_TICKET
 */
export function openMetadata(front: FlightFront, ctx: Context, sealed: Uint8Array): Buffer {
  const { payload, principal, expiresAt } = front.sealer.open(SealKind.metadata, sealed)
  if (principal !== ctx.principal.name) throw new GatewayError('FOREIGN_TICKET')
  if (Date.now() >= expiresAt) throw new GatewayError('EXPIRED_TICKET')
  return payload
}

/** Seals what `openMetadata` gave for longer. */
export function renewMetadata(front: FlightFront, ctx: Context, payload: Buffer, expiresAt: number): Buffer {
  return front.sealer.seal(SealKind.metadata, ctx.principal.name, expiresAt, payload)
}

/**
 * Answers a metadata ticket: from the source that it names, else from all of them.
 * @throws GatewayError as `openMetadata`
 */
export function redeemMetadata(front: FlightFront, ctx: Context, sealed: Uint8Array): AsyncIterable<Frame> {
  const { n, v, s, l } = JSON.parse(openMetadata(front, ctx, sealed).toString()) as Payload
  const sources = s === undefined ? front.router.sources : [front.router.named(s)]
  return metadataCommands[n]!.frames(Buffer.from(v, 'base64'), {
    sources,
    facts: front.facts,
    ctx: l === undefined ? ctx : deriveContext(ctx, { losslessTypes: l }),
  })
}
