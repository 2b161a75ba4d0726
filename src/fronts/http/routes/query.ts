import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { acceptedFormat, type ResultForm, resultBody, streamFormats } from '../answer/result-formats.ts'
import { sendResult } from '../answer/send-result.ts'
import { setStatementHeaders } from '../answer/statement-headers.ts'
import {
  hasOneText,
  hasOneTextMeta,
  rowOptionFields,
  type StatementFields,
  statementFields,
  timeoutFields,
  timeoutMsOf,
} from '../body/statement-body.ts'
import { statementRequestOf } from '../body/statement-request.ts'
import { scopeOf } from '../call/call-scope.ts'
import type { HttpCall } from '../call/http-call.ts'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { statementProblemAnswers } from '../schemas/answers.ts'
import { queryAnswers, streamAnswers } from '../schemas/results.ts'

const commonFields = { ...statementFields, ...rowOptionFields, ...timeoutFields }

/** The fields that both routes have. */
type CommonFields = StatementFields & z.output<z.ZodObject<typeof rowOptionFields & typeof timeoutFields>>

const queryBody = z
  .strictObject(commonFields, { error: streamFieldMessage })
  .superRefine(hasOneText)
  .meta({
    ...hasOneTextMeta,
    id: 'QueryRequest',
    description: 'A statement, and how its rows are written.',
    examples: [{ query: 'SELECT 6 * 7 AS answer' }],
  })

/** Says where the fields belong that a client takes over from streams. */
function streamFieldMessage(issue: { readonly code?: string; readonly keys?: unknown }): string | undefined {
  if (issue.code !== 'unrecognized_keys' || !Array.isArray(issue.keys) || issue.keys.length > 1) return undefined
  if (issue.keys[0] === 'format') return 'only /api/v1/stream has this field: here the header accept says the format'
  return issue.keys[0] === 'chunk_size' ? 'only streams have this field' : undefined
}

/** The body of `POST /api/v1/stream`. @param chunks the settings */
function streamBody({ chunkRows, maxChunkRows }: Pick<HttpFront['settings'], 'chunkRows' | 'maxChunkRows'>) {
  return z
    .strictObject({
      ...commonFields,
      format: z.enum(streamFormats).optional().describe('Format of the rows; by default what `accept` prefers.'),
      chunk_size: z
        .int()
        .min(1)
        .max(maxChunkRows)
        .default(Math.min(chunkRows, maxChunkRows))
        .describe('Most rows of a chunk. Each chunk is flushed. Arrow batches stay as the source sends them.'),
    })
    .superRefine(hasOneText)
    .meta({
      ...hasOneTextMeta,
      id: 'StreamRequest',
      description: 'A statement, and how its rows are streamed.',
      examples: [{ query: 'SELECT range AS i FROM range(3)', format: 'ndjson', chunk_size: 1000 }],
    })
}

/** Adds `POST /api/v1/query`, the method QUERY of the same path, which only reads (RFC 10008), and `POST /api/v1/stream`. */
export function queryRoutes(api: HttpApp, front: HttpFront): void {
  const { maxChunkRows } = front.settings
  for (const method of ['POST', 'QUERY'] as const)
    api.route({
      method,
      url: '/query',
      schema: {
        operationId: method === 'POST' ? 'query' : 'safeQuery',
        tags: ['Statements'],
        summary: 'Run a statement',
        body: queryBody,
        response: { ...queryAnswers, ...statementProblemAnswers() },
      },
      handler: async ({ call, body, headers }, reply) => {
        const form = { format: acceptedFormat(headers.accept), isObject: true, chunkRows: maxChunkRows }
        await run(front, call, reply, body, form, method === 'QUERY')
      },
    })
  api.route({
    method: 'POST',
    url: '/stream',
    schema: {
      operationId: 'stream',
      tags: ['Statements'],
      summary: 'Stream the rows of a statement',
      body: streamBody(front.settings),
      response: { ...streamAnswers, ...statementProblemAnswers() },
    },
    handler: async ({ call, body, headers }, reply) => {
      const form = {
        format: body.format ?? acceptedFormat(headers.accept),
        isObject: false,
        chunkRows: body.chunk_size,
      }
      await run(front, call, reply, body, form, false)
    },
  })
}

/** Plans and runs a statement and sends its result. @throws GatewayError */
async function run(
  front: HttpFront,
  call: HttpCall,
  reply: FastifyReply,
  body: CommonFields,
  form: Pick<ResultForm, 'format' | 'isObject' | 'chunkRows'>,
  readOnly: boolean,
): Promise<void> {
  const timeoutMs = timeoutMsOf(body)
  if (timeoutMs !== undefined) call.limitTime(timeoutMs)
  const scope = scopeOf(call)
  const request = statementRequestOf(body)
  const statement = await front.statements.requests.start({ ...request, readOnly }, scope)
  setStatementHeaders(reply, statement)
  const { maxRowBytes } = front.limits
  const whole = { ...form, rowFormat: body.row_format, numbers: body.numbers, maxRowBytes }
  await sendResult(front, call, reply, statement, () => resultBody(whole, statement.result.schema, call.requestId))
}
