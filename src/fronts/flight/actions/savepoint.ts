import {
  ActionBeginSavepointRequest,
  ActionBeginSavepointResult,
  ActionEndSavepointRequest,
  ActionEndSavepointRequest_EndSavepoint as EndSavepoint,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import { GatewayError } from '../../../query/errors.ts'
import { NEVER_MS, savepointHandles } from '../../../statements/handles/transaction.ts'
import { packAny, unpackBody } from '../wire/command.ts'
import type { FlightAction } from './action.ts'

/**
 * The actions of savepoints, for engines that have them.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html (BeginSavepoint and EndSavepoint).
 */
export const savepointActions: readonly FlightAction[] = [
  {
    type: 'BeginSavepoint',
    description:
      'Begins a savepoint in a transaction, where the engine has them. Body: ActionBeginSavepointRequest; result: ActionBeginSavepointResult.',
    async handle(front, body, ctx) {
      const { transactionId, name } = decodeMessage(
        ActionBeginSavepointRequest,
        unpackBody(body, 'ActionBeginSavepointRequest'),
      )
      const transaction = front.statements.queries.transactionOf(transactionId, ctx)
      const savepoint = await front.transactions.beginSavepoint(transaction, name, ctx)
      const savepointId = savepointHandles.seal(front.sealer, ctx.principal, NEVER_MS, { transaction, savepoint })
      return packAny('ActionBeginSavepointResult', ActionBeginSavepointResult.encode({ savepointId }).finish())
    },
  },
  {
    type: 'EndSavepoint',
    description: 'Releases a savepoint or rolls back to it. Body: ActionEndSavepointRequest; no result.',
    async handle(front, body, ctx) {
      const { savepointId, action } = decodeMessage(
        ActionEndSavepointRequest,
        unpackBody(body, 'ActionEndSavepointRequest'),
      )
      const { transaction, savepoint } = savepointHandles.open(front.sealer, ctx.principal, savepointId).value
      const { END_SAVEPOINT_RELEASE, END_SAVEPOINT_ROLLBACK } = EndSavepoint
      if (action !== END_SAVEPOINT_RELEASE && action !== END_SAVEPOINT_ROLLBACK)
        throw new GatewayError('BAD_REQUEST', 'The request must say whether to release or to roll back.')
      const how = action === END_SAVEPOINT_RELEASE ? 'release' : 'rollback'
      await front.transactions.endSavepoint(transaction, savepoint, how, ctx)
      return undefined
    },
  },
]
