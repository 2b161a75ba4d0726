import type { Frame } from '../../../arrow/ipc/frame.ts'
import type { GrpcCall } from '../../../grpc/server/call.ts'
import { readableCatalog } from '../../../query/access/readable-catalog.ts'
import { deriveContext } from '../../../query/derive-context.ts'
import { bytes, json, record, text } from '../../../query/seal/fields.ts'
import { sealed } from '../../../query/seal/sealed.ts'
import { type Sealer, SealKind } from '../../../query/seal/sealer.ts'
import type { Context, Principal, TypeOptions } from '../../../query/types.ts'
import { scopeOf } from '../../grpc/call-scope.ts'
import type { FlightFront } from '../front.ts'
import { metadataCommands } from './commands.ts'
import { schemaMessage } from './encode.ts'

/** A metadata command as received, with the source that the call named. */
export interface MetadataRequest {
  readonly name: string
  readonly value: Uint8Array
  readonly source?: string
}

/** Contents of a metadata ticket. */
interface MetadataTicket extends MetadataRequest {
  /** Type options for table schemas, if the call, its session or its client sets any. */
  readonly types?: TypeOptions
}

/** Metadata tickets. */
export const metadataTickets = sealed<MetadataTicket>(
  SealKind.metadata,
  record<MetadataTicket>({ name: text('n'), value: bytes('v'), source: json('s'), types: json('t') }),
)

/** Whether a Flight SQL command is a metadata command. */
export function isMetadataCommand(name: string): boolean {
  return Object.hasOwn(metadataCommands, name)
}

/** Returns the schema of the result as a bare flatbuffer `Message`. */
export function metadataSchema({ name, value }: MetadataRequest): Uint8Array {
  return schemaMessage(metadataCommands[name]!.schema(value))
}

/** Commands that describe one engine: they always go to the call's source, even if the call does not name one. */
const ofOneSource: ReadonlySet<string> = new Set(['CommandGetSqlInfo', 'CommandGetXdbcTypeInfo'])

/**
 * Seals a ticket that contains the command. The gateway runs it when the client redeems the ticket.
 * @throws GatewayError UNKNOWN_SOURCE
 */
export async function sealMetadata(
  front: FlightFront,
  ctx: Context,
  call: GrpcCall,
  request: MetadataRequest,
  expiresAt: number,
): Promise<Buffer> {
  const scope = await scopeOf(front, call, ctx)
  const { source, catalogSource, losslessTypes, dictionaries } = scope.session
  const isOfOne = (scope.namedSource ?? source ?? catalogSource) !== undefined || ofOneSource.has(request.name)
  const types: TypeOptions = {
    ...(losslessTypes !== undefined && { losslessTypes }),
    ...(dictionaries !== undefined && { dictionaries }),
  }
  return metadataTickets.seal(front.sealer, ctx.principal, expiresAt, {
    name: request.name,
    value: request.value,
    ...(isOfOne && { source: front.statements.queries.route(scope).source.name }),
    ...(Object.keys(types).length > 0 && { types }),
  })
}

/** Whether a sealed ticket is a metadata ticket. */
export function isMetadataTicket(handle: Uint8Array): boolean {
  return handle[1] === SealKind.metadata
}

/** Seals the contents of a metadata ticket again with a later expiry. @throws GatewayError as `Sealed.open` */
export function renewMetadata(
  sealer: Sealer,
  principal: Principal,
  sealedTicket: Uint8Array,
  expiresAt: number,
): Buffer {
  const { value } = metadataTickets.open(sealer, principal, sealedTicket)
  return metadataTickets.seal(sealer, principal, expiresAt, value)
}

/**
 * Runs the command of a metadata ticket, at the source that it names or at all sources.
 * @throws GatewayError as `Sealed.open`
 */
export function redeemMetadata(front: FlightFront, ctx: Context, sealedTicket: Uint8Array): AsyncIterable<Frame> {
  const { name, value, source, types } = metadataTickets.open(front.sealer, ctx.principal, sealedTicket).value
  const { principal } = ctx
  const sources = source === undefined ? front.router.visibleTo(principal) : [front.router.named(source, principal)]
  return metadataCommands[name]!.frames(value, {
    sources: sources.map((each) => ({ name: each.name, source: each, catalog: readableCatalog(each, principal) })),
    serverInfo: front.serverInfo,
    ctx: types === undefined ? ctx : deriveContext(ctx, { types }),
  })
}
