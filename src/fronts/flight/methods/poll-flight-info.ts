import { randomUUID } from 'node:crypto'
import {
  FlightDescriptor,
  FlightDescriptor_DescriptorType,
  PollInfo,
} from '../../../../gen/arrow/flight/protocol/Flight.ts'
import { TicketStatementQuery } from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import { encapsulate } from '../../../arrow/ipc/ipc.ts'
import type { GrpcCall } from '../../../grpc/server/call.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import type { AppMetadata, Context } from '../../../query/types.ts'
import { type Poll, pollHandles } from '../../../statements/handles/poll.ts'
import { statementTickets } from '../../../statements/handles/ticket.ts'
import type { PollAnswer } from '../../../statements/polled-statements.ts'
import { noColumns } from '../../../statements/stored-results.ts'
import { timestampOf } from '../../grpc/timestamp.ts'
import { estimateInfo, estimateMetadata, wishOf, withEstimate } from '../estimates.ts'
import type { FlightFront } from '../front.ts'
import { metadataSchema, sealMetadata } from '../metadata/metadata.ts'
import { contextOf, statementOf } from '../statement.ts'
import { useNames } from '../use-statement.ts'
import { packAny, readCommand, unpackAny } from '../wire/command.ts'
import { encodeFinishedPoll, encodeInfo, infoSchema } from '../wire/encode-info.ts'

const none = new Uint8Array(0)

/**
 * PollFlightInfo: the first call starts the statement, further calls return its progress, and the last one returns the endpoint.
 * Source: https://arrow.apache.org/docs/format/Flight.html (downloading data by running a heavy query).
 */
export function pollFlightInfo(front: FlightFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const ctx = contextOf(front, call)
      const descriptor = decodeMessage(FlightDescriptor, request)
      const packed = unpackAny(descriptor.cmd)
      if (packed?.name !== 'TicketStatementQuery') return await begin(front, ctx, call, request)
      const { statementHandle } = decodeMessage(TicketStatementQuery, packed.value)
      const poll = pollHandles.open(front.sealer, ctx.principal, statementHandle).value
      if (!front.statements.background.has(poll.ticket.id)) await front.owners.seek(poll.ticket.owner, call)
      return encodeAnswer(front, ctx, call, await front.statements.polled.poll(poll, ctx))
    },
  }
}

async function begin(front: FlightFront, ctx: Context, call: GrpcCall, request: Uint8Array): Promise<Uint8Array> {
  const { statements, limits } = front
  const command = readCommand(request)
  if (command.kind === 'metadata') {
    const expiresAt = Date.now() + limits.ticketTtlMs
    const handle = await sealMetadata(front, ctx, call, command, expiresAt)
    return encodeFinishedPoll(encodeInfo(request, encapsulate(metadataSchema(command)), handle, expiresAt))
  }
  const asked = await statementOf(front, call, ctx, command)
  const wish = wishOf(call)
  if (wish === 'only') return encodeFinishedPoll(await estimateInfo(front, call, ctx, request, asked))
  const { query, bound } = wish === 'yes' ? withEstimate(asked) : asked
  if (await useNames(front, call, ctx, query)) {
    const ticket = statements.beginDone(query, ctx)
    return encodeFinishedPoll(infoOf(front, ctx, { ticket, planned: true, schema: noColumns, request }))
  }
  const statement = { kind: 'read', query } as const
  const ticket = { id: randomUUID(), statement, stored: false, owner: front.owners.self, ...(bound && { bound }) }
  const begun = await statements.polled.begin({ ticket, planned: false, schema: none, request }, ctx)
  return encodeAnswer(front, ctx, call, begun)
}

function encodeAnswer(front: FlightFront, ctx: Context, call: GrpcCall, answer: PollAnswer): Uint8Array {
  const { poll, isReady, progress, estimate } = answer
  if (isReady) {
    const { source } = poll.ticket.statement.query
    const attached = wishOf(call) === 'no' ? undefined : estimateMetadata(source, estimate)
    return encodeFinishedPoll(infoOf(front, ctx, poll, attached))
  }
  const { limits, sealer } = front
  const handle = pollHandles.seal(sealer, ctx.principal, Date.now() + limits.ticketTtlMs, poll)
  const cmd = packAny('TicketStatementQuery', TicketStatementQuery.encode({ statementHandle: handle }).finish())
  return PollInfo.encode({
    info: {
      schema: infoSchema(poll.schema),
      flightDescriptor: FlightDescriptor.decode(poll.request),
      endpoint: [],
      totalRecords: -1n,
      totalBytes: -1n,
      ordered: true,
      // CancelFlightInfo finds the statement by this handle while the FlightInfo has no endpoint.
      appMetadata: handle,
    },
    flightDescriptor: { type: FlightDescriptor_DescriptorType.CMD, cmd, path: [] },
    progress,
    expirationTime: timestampOf(Date.now() + limits.pollIdleMs),
  }).finish()
}

function infoOf(
  front: FlightFront,
  ctx: Context,
  { ticket, schema, request }: Poll,
  attached?: AppMetadata,
): Uint8Array {
  const expiresAt = Date.now() + front.limits.ticketTtlMs
  const handle = statementTickets.seal(front.sealer, ctx.principal, expiresAt, ticket)
  return encodeInfo(request, infoSchema(schema), handle, expiresAt, attached)
}
