import {
  Action,
  ActionType,
  CancelFlightInfoRequest,
  CancelFlightInfoResult,
  CancelStatus,
  FlightEndpoint,
  FlightInfo,
  RenewFlightEndpointRequest,
  Result,
} from '../../../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionCancelQueryRequest,
  ActionCancelQueryResult,
  ActionCancelQueryResult_CancelResult,
  TicketStatementQuery,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Context } from '../../../query/types.ts'
import { openPoll } from '../../../statements/handles/poll.ts'
import { openTicket, type StatementTicket, sealTicket } from '../../../statements/handles/ticket.ts'
import type { FlightFront } from '../front.ts'
import { isMetadataTicket, openMetadata, renewMetadata } from '../metadata/metadata.ts'
import { timestampOf } from '../methods/get-flight-info.ts'
import { contextOf } from '../statement.ts'
import { packAny, readTicketHandle, unpackAny } from '../wire/command.ts'
import type { FlightAction } from './action.ts'
import { preparedActions } from './prepared.ts'
import { savepointActions } from './savepoint.ts'
import { sessionActions } from './session.ts'
import { transactionActions } from './transaction.ts'

/** The key that marks an execution as cancelled. */
export function cancelledKey(id: string): string {
  return `cancelled:${id}`
}

const actions: readonly FlightAction[] = [
  {
    type: 'CancelFlightInfo',
    description: 'Stops the work behind a FlightInfo. Body: CancelFlightInfoRequest; result: CancelFlightInfoResult.',
    async handle(front, body, ctx) {
      const { info } = decodeMessage(CancelFlightInfoRequest, body)
      const { CANCEL_STATUS_CANCELLED, CANCEL_STATUS_NOT_CANCELLABLE } = CancelStatus
      const status = (await cancel(front, info, ctx)) ? CANCEL_STATUS_CANCELLED : CANCEL_STATUS_NOT_CANCELLABLE
      return CancelFlightInfoResult.encode({ status }).finish()
    },
  },
  {
    type: 'CancelQuery',
    description: 'Stops a query (deprecated: use CancelFlightInfo). Body: ActionCancelQueryRequest.',
    async handle(front, body, ctx) {
      const packed = unpackAny(body)
      if (packed?.name !== 'ActionCancelQueryRequest')
        throw new GatewayError('BAD_REQUEST', 'The body of the action must be a packed ActionCancelQueryRequest.')
      const { info } = decodeMessage(ActionCancelQueryRequest, packed.value)
      const { CANCEL_RESULT_CANCELLED, CANCEL_RESULT_NOT_CANCELLABLE } = ActionCancelQueryResult_CancelResult
      const cancelled = await cancel(front, decodeMessage(FlightInfo, info), ctx)
      const result = cancelled ? CANCEL_RESULT_CANCELLED : CANCEL_RESULT_NOT_CANCELLABLE
      return packAny('ActionCancelQueryResult', ActionCancelQueryResult.encode({ result }).finish())
    },
  },
  {
    type: 'RenewFlightEndpoint',
    description: 'Extends the life of an endpoint. Body: RenewFlightEndpointRequest; result: FlightEndpoint.',
    async handle(front, body, ctx) {
      const { endpoint } = decodeMessage(RenewFlightEndpointRequest, body)
      if (!endpoint?.ticket) throw new GatewayError('BAD_REQUEST', 'The request holds no endpoint with a ticket.')
      const expiresAt = Date.now() + front.limits.ticketTtlMs
      const handle = renew(front, readTicketHandle(endpoint.ticket.ticket), ctx, expiresAt)
      const renewed = packAny('TicketStatementQuery', TicketStatementQuery.encode({ statementHandle: handle }).finish())
      return FlightEndpoint.encode({
        ...endpoint,
        ticket: { ticket: renewed },
        expirationTime: timestampOf(expiresAt),
      }).finish()
    },
  },
]

const all: readonly FlightAction[] = [
  ...actions,
  ...preparedActions,
  ...transactionActions,
  ...savepointActions,
  ...sessionActions,
]
const byType = new Map(all.map((action) => [action.type, action]))

/** A sealed ticket, sealed for longer. @throws GatewayError as `openTicket`, BAD_REQUEST */
function renew(front: FlightFront, sealed: Uint8Array, ctx: Context, expiresAt: number): Uint8Array {
  if (isMetadataTicket(sealed)) return renewMetadata(front, ctx, openMetadata(front, ctx, sealed), expiresAt)
  const ticket = openTicket(front.sealer, ctx.principal, sealed)
  if (ticket.stored)
    throw new GatewayError('BAD_REQUEST', 'The statement has run; how long its result is kept cannot be extended.')
  return sealTicket(front.sealer, ctx.principal, { ...ticket, expiresAt })
}

/**
 * Stops what runs behind a FlightInfo, and has what has not begun never do so; false when all of it is over, or metadata, which
 * is read when its ticket is redeemed.
 */
async function cancel(front: FlightFront, info: FlightInfo | undefined, ctx: Context): Promise<boolean> {
  const endpoints = info?.endpoint ?? []
  if (endpoints.length === 0 && info?.appMetadata.byteLength)
    return await cancelOne(front, openPoll(front, ctx, info.appMetadata).ticket)
  if (endpoints.length === 0) throw new GatewayError('BAD_REQUEST', 'The request holds no FlightInfo with endpoints.')
  const tickets: StatementTicket[] = []
  for (const { ticket } of endpoints) {
    const sealed = readTicketHandle(ticket?.ticket ?? new Uint8Array(0))
    if (isMetadataTicket(sealed)) openMetadata(front, ctx, sealed)
    else tickets.push(openTicket(front.sealer, ctx.principal, sealed))
  }
  let cancelled = false
  for (const ticket of tickets) if (await cancelOne(front, ticket)) cancelled = true
  return cancelled
}

async function cancelOne(front: FlightFront, { id, stored, expiresAt }: StatementTicket): Promise<boolean> {
  const { executions, store } = front
  // What has changed data, or was read to its end, is over: its ticket stays good.
  if (!executions.isRunning(id) && (stored || executions.hasFinished(id))) return false
  // First the mark, so that nobody begins between the two.
  await store.set(cancelledKey(id), new Uint8Array(1), expiresAt - Date.now())
  executions.cancel(id, new GatewayError('CANCELLED', 'The statement was cancelled by another call.'))
  return true
}

/** ListActions: the actions that DoAction knows. */
export function listActions(): Method {
  const list = all.map(({ type, description }) => ActionType.encode({ type, description }).finish())
  return {
    kind: 'serverStream',
    async handle(_request, call) {
      for (const action of list) await call.sendMessage(action)
    },
  }
}

/** DoAction: runs a named action. */
export function doAction(front: FlightFront): Method {
  return {
    kind: 'serverStream',
    async handle(request, call) {
      const ctx = contextOf(front, call)
      const { type, body } = decodeMessage(Action, request)
      const action = byType.get(type)
      if (!action)
        throw new GatewayError('UNKNOWN_ACTION', `There is no action "${type.slice(0, 100)}": see ListActions.`)
      const result = await action.handle(front, body, ctx, call)
      if (result) await call.sendMessage(Result.encode({ body: result }).finish())
    },
  }
}
