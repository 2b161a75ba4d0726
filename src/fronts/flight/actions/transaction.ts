import {
  ActionBeginTransactionRequest,
  ActionBeginTransactionResult,
  ActionEndTransactionRequest,
  ActionEndTransactionRequest_EndTransaction as EndTransaction,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import { GatewayError } from '../../../query/errors.ts'
import { mayWrite } from '../../../query/stages/authorize.ts'
import type { Context } from '../../../query/types.ts'
import { NEVER_MS, transactionHandles } from '../../../statements/handles/transaction.ts'
import { scopeOf } from '../../grpc/call-scope.ts'
import type { FlightFront } from '../front.ts'
import { packAny, unpackBody } from '../wire/command.ts'
import type { FlightAction } from './action.ts'

/**
 * The actions of transactions. The transaction of a principal that may not write is read-only.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html (BeginTransaction, EndTransaction).
 */
export const transactionActions: readonly FlightAction[] = [
  {
    type: 'BeginTransaction',
    description:
      'Begins a transaction. Body: ActionBeginTransactionRequest; result: ActionBeginTransactionResult. It lives on the replica that began it, to which other replicas forward its calls, and ends with the session, soon after the only connection that has used it, or after limits.transactionIdleMs without a statement.',
    async handle(front, body, ctx, call) {
      decodeMessage(ActionBeginTransactionRequest, unpackBody(body, 'ActionBeginTransactionRequest'))
      if (front.drainGate.closed && front.drainGate.hasEndedTransaction(call.peer))
        return begun(front, ctx, front.transactions.placeholderTransaction())
      front.drainGate.admit()
      const scope = await scopeOf(front, call, ctx)
      const { source } = front.statements.queries.route(scope)
      front.drains.admit(source.name)
      const isFixed = scope.namedSource !== undefined
      const readOnly = !mayWrite(source, ctx.principal)
      const sessionId = front.sessions.idOf(call)
      const id = await front.transactions.begin({ source, readOnly, isFixed, sessionId }, ctx)
      return begun(front, ctx, id)
    },
  },
  {
    type: 'EndTransaction',
    description: 'Commits a transaction or rolls it back. Body: ActionEndTransactionRequest; no result.',
    async handle(front, body, ctx, call) {
      const { transactionId, action } = decodeMessage(
        ActionEndTransactionRequest,
        unpackBody(body, 'ActionEndTransactionRequest'),
      )
      const id = front.statements.queries.transactionOf(transactionId, ctx)
      if (action === EndTransaction.END_TRANSACTION_COMMIT) await front.transactions.commit(id, ctx)
      else if (action === EndTransaction.END_TRANSACTION_ROLLBACK) await front.transactions.rollback(id, ctx)
      else throw new GatewayError('BAD_REQUEST', 'The request must say whether to commit or to roll back.')
      front.drainGate.transactionEnded(call.peer)
      return undefined
    },
  },
]

function begun(front: FlightFront, { principal }: Context, id: string): Uint8Array {
  const transactionId = transactionHandles.seal(front.sealer, principal, NEVER_MS, id)
  return packAny('ActionBeginTransactionResult', ActionBeginTransactionResult.encode({ transactionId }).finish())
}
