import {
  ActionClosePreparedStatementRequest,
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import { ArrowError } from '../../../arrow/errors.ts'
import { encapsulate } from '../../../arrow/ipc/ipc.ts'
import { decodeSchema, encodeSchema } from '../../../arrow/schema.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import { readUse } from '../../../query/text/use-names.ts'
import type { Context } from '../../../query/types.ts'
import { preparedHandles } from '../../../statements/handles/prepared.ts'
import { hasReturning } from '../../../statements/has-returning.ts'
import { sendPlanHeaders } from '../plan-headers.ts'
import { queryOf, sealPrepared } from '../statement.ts'
import { parametersFor } from '../wire/client-parameters.ts'
import { packAny, unpackBody } from '../wire/command.ts'
import type { FlightAction } from './action.ts'

const none = new Uint8Array(0)
/** Parameter schema of a statement without parameters. */
const noParameters = encapsulate(encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] }))

/**
 * The actions of prepared statements. Preparing plans the statement and seals it into a handle. The gateway keeps no state, so
 * closing frees nothing.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html#query-execution.
 */
export const preparedActions: readonly FlightAction[] = [
  {
    type: 'CreatePreparedStatement',
    description:
      'Prepares a statement. Body: ActionCreatePreparedStatementRequest; result: ActionCreatePreparedStatementResult.',
    async handle(front, body, ctx, call) {
      const request = decodeMessage(
        ActionCreatePreparedStatementRequest,
        unpackBody(body, 'ActionCreatePreparedStatementRequest'),
      )
      const query = await queryOf(front, call, ctx, request.query, request.transactionId)
      if (readUse(query.sql)) return prepared(sealPrepared(front, ctx, { query }), none, noParameters, true)
      const plan = await front.statements.describe(query, ctx)
      sendPlanHeaders(call, plan)
      // A statement that returns rows counts as a query, even if it also changes data.
      const isUpdate =
        plan.kind === 'update' && !plan.mayReturnRows && !(await returnsRows(query.sql, plan.schema, ctx))
      const parameters = plan.parameterSchema && encapsulate(parametersFor(call.headers, plan.parameterSchema))
      const schema = isUpdate || plan.schema.byteLength === 0 ? none : encapsulate(plan.schema)
      return prepared(sealPrepared(front, ctx, { query }), schema, parameters ?? noParameters, isUpdate)
    },
  },
  {
    type: 'ClosePreparedStatement',
    description: 'Ends a prepared statement. Body: ActionClosePreparedStatementRequest; no result.',
    async handle(front, body, ctx) {
      const { preparedStatementHandle } = decodeMessage(
        ActionClosePreparedStatementRequest,
        unpackBody(body, 'ActionClosePreparedStatementRequest'),
      )
      preparedHandles.open(front.sealer, ctx.principal, preparedStatementHandle)
      return undefined
    },
  },
]

function prepared(
  preparedStatementHandle: Uint8Array,
  datasetSchema: Uint8Array,
  parameterSchema: Uint8Array,
  isUpdate: boolean,
): Uint8Array {
  const result = { preparedStatementHandle, datasetSchema, parameterSchema, isUpdate }
  return packAny('ActionCreatePreparedStatementResult', ActionCreatePreparedStatementResult.encode(result).finish())
}

/** Whether a statement that changes data returns rows (RETURNING) instead of their number. */
async function returnsRows(sql: string, schema: Uint8Array, ctx: Context): Promise<boolean> {
  if (schema.byteLength === 0 || !(await hasReturning(sql, ctx))) return false
  try {
    const { children } = decodeSchema(schema)
    return children.length > 1 || (children.length === 1 && children[0]!.name !== 'Count')
  } catch (error) {
    // The gateway can decode the schema of a row count, so an unknown type means rows.
    if (error instanceof ArrowError) return true
    throw error
  }
}
