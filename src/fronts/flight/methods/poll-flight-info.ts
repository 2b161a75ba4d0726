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
import { GatewayError } from '../../../query/errors.ts'
import type { Context, Plan } from '../../../query/types.ts'
import type { BackgroundStatement, PollWork } from '../../../statements/background-statements.ts'
import { loadRunnable } from '../../../statements/bound-parameters.ts'
import { openPoll, type Poll, sealPoll } from '../../../statements/handles/poll.ts'
import { sealTicket } from '../../../statements/handles/ticket.ts'
import { keepNothing, noColumns, runAndKeep, storedResultKey } from '../../../statements/stored-results.ts'
import { cancelledKey } from '../actions/do-action.ts'
import type { FlightFront } from '../front.ts'
import { metadataSchema, sealMetadata } from '../metadata/metadata.ts'
import { contextOf, statementOf } from '../statement.ts'
import { useNames } from '../use-statement.ts'
import { packAny, readCommand, unpackAny } from '../wire/command.ts'
import { encodeFinishedPoll, encodeInfo, infoSchema } from '../wire/encode-info.ts'
import { timestampOf } from './get-flight-info.ts'

const none = new Uint8Array(0)
const FIRST_WAIT_MS = 20
const WAIT_MS = 500

/**
 * PollFlightInfo: the first call starts the statement, the following ones tell how far it is, and the last has the
 * endpoint. A replica that does not know a reading statement starts it again; one that changes data never runs twice.
 * Source: https://arrow.apache.org/docs/format/Flight.html (downloading data by running a heavy query).
 */
export function pollFlightInfo(front: FlightFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const ctx = contextOf(front, call)
      const descriptor = decodeMessage(FlightDescriptor, request)
      const packed = unpackAny(descriptor.cmd)
      if (packed?.name === 'TicketStatementQuery') {
        const { statementHandle } = decodeMessage(TicketStatementQuery, packed.value)
        return await pollAgain(front, ctx, openPoll(front, ctx, statementHandle))
      }
      return await begin(front, ctx, call, request)
    },
  }
}

async function begin(front: FlightFront, ctx: Context, call: GrpcCall, request: Uint8Array): Promise<Uint8Array> {
  const command = readCommand(request)
  const expiresAt = Date.now() + front.limits.ticketTtlMs
  if (command.kind === 'metadata') {
    const handle = await sealMetadata(front, ctx, call, command, expiresAt)
    return encodeFinishedPoll(encodeInfo(request, encapsulate(metadataSchema(command)), handle, expiresAt))
  }
  const { query, bound } = await statementOf(front, call, ctx, command)
  const id = randomUUID()
  if (await useNames(front, call, ctx, query)) {
    await keepNothing(front, ctx, id)
    const ticket = { id, runnable: { kind: 'update', query }, stored: true, expiresAt } as const
    return encodeFinishedPoll(infoOf(front, ctx, { ticket, planned: true, schema: noColumns, descriptor: request }))
  }
  const runnable = { kind: 'read', query } as const
  const ticket = { id, runnable, stored: false, expiresAt, ...(bound && { bound }) }
  const poll: Poll = { ticket, planned: false, schema: none, descriptor: request }
  const job = front.polls.start(ticket.id, workOf(front, poll), ctx)
  cancelWith(ctx, job)
  await job.waitForPlan(waitMs(ctx))
  await job.wait(FIRST_WAIT_MS)
  return answer(front, ctx, poll)
}

async function pollAgain(front: FlightFront, ctx: Context, poll: Poll): Promise<Uint8Array> {
  const { ticket, planned } = poll
  const { id, stored } = ticket
  if (await front.store.get(cancelledKey(id))) throw new GatewayError('CANCELLED', 'The statement was cancelled.')
  let job = front.polls.touch(id)
  if (!job && (stored || !planned)) {
    const runnable = { ...ticket.runnable, kind: 'update' } as const
    const ran: Poll = { ...poll, ticket: { ...ticket, runnable, stored: true } }
    if (await front.blobs.get(storedResultKey(id))) return encodeFinishedPoll(infoOf(front, ctx, ran))
    if (await front.store.get(startedKey(id)))
      throw new GatewayError('SOURCE_UNAVAILABLE', 'The statement runs on another replica: poll again.')
    if (stored) throw new GatewayError('EXPIRED_TICKET', 'The statement has run; its result is no longer kept.')
  }
  job ??= front.polls.start(id, workOf(front, poll), ctx)
  cancelWith(ctx, job)
  await job.wait(waitMs(ctx))
  return answer(front, ctx, poll)
}

function waitMs({ deadlineAt }: Context): number {
  return Math.max(0, Math.min(WAIT_MS, (deadlineAt - Date.now()) / 2))
}

/** A client that cancels its poll, as ADBC does, gives the statement up; one whose poll takes too long comes back. */
function cancelWith({ signal }: Context, job: BackgroundStatement): void {
  const onAbort = () => {
    if (GatewayError.from(signal.reason).code === 'CANCELLED') job.abandon(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
}

/** The poll with what planning has told meanwhile. */
function withPlan(poll: Poll, plan: Plan | undefined): Poll {
  if (poll.planned || !plan) return poll
  const ticket = { ...poll.ticket, runnable: plan, stored: plan.kind === 'update' }
  return { ...poll, planned: true, schema: plan.schema, ticket }
}

/** Where the statement stands. @throws GatewayError why it failed */
function answer(front: FlightFront, ctx: Context, began: Poll): Uint8Array {
  const job = front.polls.touch(began.ticket.id)
  const poll = withPlan(began, job?.plan)
  const state = job?.state ?? { kind: 'ready' }
  if (state.kind === 'failed') throw state.error
  if (state.kind === 'ready') return encodeFinishedPoll(infoOf(front, ctx, poll))
  const handle = sealPoll(front, ctx, poll)
  const cmd = packAny('TicketStatementQuery', TicketStatementQuery.encode({ statementHandle: handle }).finish())
  return PollInfo.encode({
    info: {
      schema: infoSchema(poll.schema),
      flightDescriptor: FlightDescriptor.decode(poll.descriptor),
      endpoint: [],
      totalRecords: -1n,
      totalBytes: -1n,
      ordered: true,
      // What CancelFlightInfo is given names the statement also while it has no endpoint.
      appMetadata: handle,
    },
    flightDescriptor: { type: FlightDescriptor_DescriptorType.CMD, cmd, path: [] },
    progress: state.progress,
    expirationTime: timestampOf(Date.now() + front.limits.pollIdleMs),
  }).finish()
}

/** Plans the statement if need be, and runs it. One that changes data is marked as begun, for every replica. */
function workOf(front: FlightFront, { ticket, planned }: Poll): PollWork {
  return async (ctx, onPlan) => {
    let runnable = await loadRunnable(front, ticket)
    if (!planned) {
      const plan = await front.pipeline.plan(runnable.query, ctx)
      if (plan.kind === 'update')
        await front.store.set(startedKey(ticket.id), new Uint8Array(1), front.limits.ticketTtlMs)
      onPlan(plan)
      runnable = { ...plan, execution: ticket.id }
    }
    if (runnable.kind === 'read') return await front.pipeline.run(runnable, ctx)
    await runAndKeep(front, runnable, ctx, ticket.id)
    return undefined
  }
}

function infoOf(front: FlightFront, ctx: Context, { ticket, schema, descriptor }: Poll): Uint8Array {
  const expiresAt = Date.now() + front.limits.ticketTtlMs
  const handle = sealTicket(front.sealer, ctx.principal, { ...ticket, expiresAt })
  return encodeInfo(descriptor, infoSchema(schema), handle, expiresAt)
}

function startedKey(id: string): string {
  return `started:${id}`
}
