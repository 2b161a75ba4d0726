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
import type { Unsealed } from '../../../query/seal/sealed.ts'
import type { Context } from '../../../query/types.ts'
import { pollHandles } from '../../../statements/handles/poll.ts'
import { type StatementTicket, statementTickets } from '../../../statements/handles/ticket.ts'
import { timestampOf } from '../../grpc/timestamp.ts'
import type { FlightFront } from '../front.ts'
import { isMetadataTicket, metadataTickets, renewMetadata } from '../metadata/metadata.ts'
import { contextOf } from '../statement.ts'
import { packAny, readTicketHandle, unpackAny } from '../wire/command.ts'
import type { FlightAction } from './action.ts'
import { preparedActions } from './prepared.ts'
import { savepointActions } from './savepoint.ts'
import { sessionActions } from './session.ts'
import { transactionActions } from './transaction.ts'

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
      if (!endpoint?.ticket) throw new GatewayError('BAD_REQUEST', 'The request contains no endpoint with a ticket.')
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

/** Seals the contents of a ticket again with a later expiry. @throws GatewayError as `Sealed.open`, BAD_REQUEST */
function renew(front: FlightFront, sealed: Uint8Array, { principal }: Context, expiresAt: number): Uint8Array {
  const { sealer } = front
  if (isMetadataTicket(sealed)) return renewMetadata(sealer, principal, sealed, expiresAt)
  const { value } = statementTickets.open(sealer, principal, sealed)
  if (value.stored)
    throw new GatewayError('BAD_REQUEST', 'The statement has run; the expiry of its result cannot be extended.')
  return statementTickets.seal(sealer, principal, expiresAt, value)
}

/**
 * Cancels the running work behind a FlightInfo and prevents pending work. Returns false if all of it has finished, or if it is
 * metadata, which the gateway reads only when the client redeems the ticket.
 */
async function cancel(front: FlightFront, info: FlightInfo | undefined, ctx: Context): Promise<boolean> {
  const { sealer, statements } = front
  const { principal } = ctx
  const endpoints = info?.endpoint ?? []
  if (endpoints.length === 0 && info?.appMetadata.byteLength) {
    const { value, expiresAt } = pollHandles.open(sealer, principal, info.appMetadata)
    return await statements.running.cancel(value.ticket, expiresAt)
  }
  if (endpoints.length === 0)
    throw new GatewayError('BAD_REQUEST', 'The request contains no FlightInfo with endpoints.')
  const opened: Unsealed<StatementTicket>[] = []
  for (const { ticket } of endpoints) {
    const sealed = readTicketHandle(ticket?.ticket ?? new Uint8Array(0))
    if (isMetadataTicket(sealed)) metadataTickets.open(sealer, principal, sealed)
    else opened.push(statementTickets.open(sealer, principal, sealed))
  }
  let cancelled = false
  for (const { value, expiresAt } of opened) if (await statements.running.cancel(value, expiresAt)) cancelled = true
  return cancelled
}

/** ListActions: lists the actions of DoAction. */
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
