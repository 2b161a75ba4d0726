import type { RowEncoderOptions } from '../../../arrow/text/row-encoder.ts'
import type { BatchOptions } from '../../../statements/batch/batch-bounds.ts'
import type { CallScope } from '../../../statements/query-builder.ts'
import type { StatementRequest } from '../../../statements/requests/statement-request.ts'
import { timeoutMsOf } from '../body/statement-body.ts'
import { statementRequestOf } from '../body/statement-request.ts'
import { scopeOf } from '../call/call-scope.ts'
import type { HttpCall } from '../call/http-call.ts'
import type { HttpFront } from '../front.ts'
import type { BatchBody, NamedStatement } from '../schemas/batch.ts'

/** A batch as its body asks for it. */
export interface BatchRequest {
  readonly requests: readonly StatementRequest[]
  readonly options: BatchOptions
  readonly scope: CallScope
  readonly encoder: RowEncoderOptions
}

/** Reads the body of a batch. @throws GatewayError BAD_REQUEST */
export function batchRequestOf(front: HttpFront, call: HttpCall, body: BatchBody): BatchRequest {
  const { max_concurrency, stop_on_error, row_format, numbers, ...times } = body.options ?? {}
  const timeoutMs = timeoutMsOf(times)
  return {
    requests: body.queries.map((statement) => namedRequestOf(statement)),
    options: {
      ...(max_concurrency !== undefined && { maxConcurrency: max_concurrency }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(stop_on_error !== undefined && { stopOnError: stop_on_error }),
    },
    scope: scopeOf(call),
    encoder: {
      chunkRows: front.settings.chunkRows,
      rowFormat: row_format,
      numbers,
      maxRowBytes: front.limits.maxRowBytes,
    },
  }
}

/** Turns a statement with an id into a request. @throws GatewayError BAD_REQUEST */
export function namedRequestOf({ id, ...fields }: NamedStatement): StatementRequest {
  return { ...statementRequestOf(fields), ...(id !== undefined && id !== '' && { id }) }
}

/** The ids by which a batch names its statements, in their order. */
export function idsOf(requests: readonly StatementRequest[]): readonly string[] {
  return requests.map(({ id }, position) => id ?? String(position))
}
