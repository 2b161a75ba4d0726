import { FlightDescriptor, PutResult } from '../../../../gen/arrow/flight/protocol/Flight.ts'
import {
  CommandPreparedStatementQuery,
  CommandPreparedStatementUpdate,
  CommandStatementUpdate,
  DoPutPreparedStatementResult,
  DoPutUpdateResult,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import type { GrpcCall } from '../../../grpc/server/call.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { deriveContext } from '../../../query/derive-context.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { StatementTrace } from '../../../query/statement-trace.ts'
import type { Context, Query } from '../../../query/types.ts'
import { billHeaders } from '../../../statements/cost-headers.ts'
import { preparedHandles } from '../../../statements/handles/prepared.ts'
import { checkMayRun } from '../../../statements/option-headers.ts'
import type { FlightFront } from '../front.ts'
import { contextOf, queryOf, sealPrepared, withOptionsOf } from '../statement.ts'
import { useNames } from '../use-statement.ts'
import { type PackedMessage, unpackAny } from '../wire/command.ts'
import { readParts, readUpload } from '../wire/upload.ts'
import { ingestUpload } from './ingest.ts'

/**
 * DoPut: runs a statement that changes data, binds the parameters of a prepared statement, runs a prepared statement for each
 * parameter row, or inserts rows into a table (bulk ingestion).
 * Source: https://arrow.apache.org/docs/format/FlightSql.html.
 */
export function doPut(front: FlightFront): Method {
  return {
    kind: 'bidi',
    async handle(requests, call) {
      const ctx = contextOf(front, call)
      const first = await requests.next()
      if (first.done) {
        // ADBC sends no message at all for a table without batches, not even the table's name.
        await sendAffectedRows(call, 0)
        return
      }
      const command = commandOf(first.value)
      switch (command?.name) {
        case 'CommandStatementUpdate': {
          const { query, transactionId } = decodeMessage(CommandStatementUpdate, command.value)
          await sendAffectedRows(
            call,
            await update(front, call, await queryOf(front, call, ctx, query, transactionId), ctx),
          )
          return
        }
        case 'CommandPreparedStatementQuery': {
          const { preparedStatementHandle } = decodeMessage(CommandPreparedStatementQuery, command.value)
          const { query } = preparedHandles.open(front.sealer, ctx.principal, preparedStatementHandle).value
          const { stream } = await readUpload(first.value, requests, front.limits.maxParameterBytes)
          const bound = await front.statements.parameters.keep(ctx.principal, stream)
          const handle = sealPrepared(front, ctx, { query, bound })
          const result = DoPutPreparedStatementResult.encode({ preparedStatementHandle: handle }).finish()
          await call.sendMessage(PutResult.encode({ appMetadata: result }).finish())
          return
        }
        case 'CommandPreparedStatementUpdate': {
          const { preparedStatementHandle } = decodeMessage(CommandPreparedStatementUpdate, command.value)
          const opened = preparedHandles.open(front.sealer, ctx.principal, preparedStatementHandle).value
          const { query, bound } = withOptionsOf(call, opened)
          // Before the upload is read: the call may go to another process.
          front.statements.checkHere(query)
          const { stream, columns } = await readUpload(first.value, requests, front.limits.maxParameterBytes)
          // An upload without columns binds nothing; the handle may contain parameters.
          const parameters = columns > 0 ? stream : bound && (await front.statements.parameters.load(bound))
          await sendAffectedRows(call, await update(front, call, parameters ? { ...query, parameters } : query, ctx))
          return
        }
        case 'CommandStatementIngest':
          await sendAffectedRows(call, await ingestUpload(front, call, ctx, command.value, first.value, requests))
          return
        default:
          throw new GatewayError(
            'UNIMPLEMENTED',
            `DoPut does not support the command ${command?.name.slice(0, 100) ?? ''}.`,
          )
      }
    },
  }
}

function commandOf(message: Uint8Array): PackedMessage | undefined {
  const { descriptor } = readParts(message)
  if (descriptor.byteLength === 0) throw new GatewayError('BAD_REQUEST', 'The first message must carry a descriptor.')
  return unpackAny(decodeMessage(FlightDescriptor, descriptor).cmd)
}

/** Plans, checks and runs a statement to its end. Returns the number of changed rows. */
async function update(front: FlightFront, call: GrpcCall, query: Query, ctx: Context): Promise<number> {
  checkMayRun(ctx)
  if (await useNames(front, call, ctx, query)) return 0
  const trace: StatementTrace = {}
  const affectedRows = await front.statements.change(query, deriveContext(ctx, { trace }))
  const bill = billHeaders(trace)
  if (bill) call.trailers = bill
  return affectedRows
}

/** Sends an unknown number as 0: the JDBC driver takes -1 as "there is a result set" and runs the statement again. */
async function sendAffectedRows(call: GrpcCall, affectedRows: number): Promise<void> {
  const appMetadata = DoPutUpdateResult.encode({ recordCount: BigInt(Math.max(0, affectedRows)) }).finish()
  await call.sendMessage(PutResult.encode({ appMetadata }).finish())
}
