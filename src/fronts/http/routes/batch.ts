import type { BatchSummary } from '../../../statements/batch/batch-outcome.ts'
import { acceptedType } from '../answer/accepted.ts'
import type { AnswerWriter } from '../answer/answer-writer.ts'
import { SerialSink } from '../answer/serial-sink.ts'
import { streamAnswer } from '../answer/stream-answer.ts'
import { outcomeJson, summaryJson } from '../batch/batch-json.ts'
import { type BatchLines, eventLines, ndjsonLines } from '../batch/batch-lines.ts'
import { type BatchRequest, batchRequestOf, idsOf } from '../batch/batch-request.ts'
import { CollectedBatch } from '../batch/collected-batch.ts'
import { HeldBytes } from '../batch/held-bytes.ts'
import { StreamedBatch } from '../batch/streamed-batch.ts'
import type { HttpCall } from '../call/http-call.ts'
import { problemOf } from '../call/problem.ts'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { jsonAnswer, statementProblemAnswers } from '../schemas/answers.ts'
import { batchAnswer, batchBody, batchEvent, batchLine } from '../schemas/batch.ts'
import { EVENT_STREAM_TYPE, EventStream } from '../sse/event-stream.ts'
import { refuseResumption } from '../sse/resumption.ts'

const NDJSON_TYPE = 'application/x-ndjson'
const tags = ['Batches']
const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

/** Adds the routes of batches. */
export function addBatchRoutes(app: HttpApp, front: HttpFront): void {
  const held = new HeldBytes(front.settings.maxHeldResultBytes)
  app.post(
    '/batch',
    {
      schema: {
        operationId: 'runBatch',
        summary: 'Run statements and answer all results at once',
        description: `Runs 1 to 100 statements side by side and answers their results in the order of the request. A statement that fails does not fail the others, unless \`stop_on_error\` is set. Identical reads run once.

The results are bounded in bytes (\`http.maxBatchResultBytes\`). The route below has no such bound.`,
        tags,
        body: batchBody,
        response: { 200: jsonAnswer('The results.', batchAnswer), ...statementProblemAnswers() },
      },
    },
    async ({ call, body }, reply) => {
      const request = batchRequestOf(front, call, body)
      const batch = new CollectedBatch({ maxBytes: front.settings.maxBatchResultBytes, encoder: request.encoder }, held)
      try {
        const summary = await runBatch(front, request, batch)
        await streamAnswer(front, call, reply, 'application/json', (writer) =>
          writeResults(writer, batch, idsOf(request.requests), summary, call.requestId),
        )
      } finally {
        batch.close()
      }
    },
  )
  app.post(
    '/batch/stream',
    {
      schema: {
        operationId: 'streamBatch',
        summary: 'Run statements and send results as they arrive',
        description: `The same as \`POST /api/v1/batch\`, but rows are sent as they arrive. Each line names its statement; those of different statements alternate, those of one are in order.

Lines are \`{"id", "columns"}\`, \`{"id", "rows"}\`, \`{"id", "status", ...}\` at the end of a statement, and at last \`{"summary"}\`. With \`accept: text/event-stream\` they are the data of the events \`schema\`, \`rows\`, \`statement\` and \`summary\`. An answer without a summary is not complete.`,
        tags,
        body: batchBody,
        response: {
          200: {
            description: 'Lines or events, as `accept` asks for.',
            content: {
              [NDJSON_TYPE]: { schema: batchLine },
              'text/event-stream': { schema: batchEvent },
            },
          },
          ...statementProblemAnswers(),
        },
      },
    },
    async ({ call, body, headers }, reply) => {
      refuseResumption(headers)
      const request = batchRequestOf(front, call, body)
      const wantsEvents = acceptedType(headers.accept, [NDJSON_TYPE, 'text/event-stream']) === 'text/event-stream'
      await streamAnswer(
        front,
        call,
        reply,
        wantsEvents ? EVENT_STREAM_TYPE : NDJSON_TYPE,
        (writer) =>
          wantsEvents ? writeEvents(front, call, request, writer) : writeLines(front, call, request, writer),
        // The client can tell it from the end of one statement, which has an id.
        (error) => (wantsEvents ? [] : [bytesOf({ error: problemOf(error, call.requestId) }), Buffer.from('\n')]),
      )
    },
  )
}

async function runBatch(
  front: HttpFront,
  { requests, options, scope }: BatchRequest,
  sink: CollectedBatch | StreamedBatch,
) {
  return await front.statements.batches.run(requests, options, scope, sink)
}

async function writeResults(
  writer: AnswerWriter,
  batch: CollectedBatch,
  ids: readonly string[],
  summary: BatchSummary,
  requestId: string,
): Promise<void> {
  let before = '{"results":[\n'
  for (const id of ids) {
    const outcome = batch.outcomeOf(id)!
    const head = JSON.stringify(outcomeJson(outcome, requestId)).slice(0, -1)
    const found = outcome.status === 'succeeded' ? batch.rowsOf(id) : undefined
    if (found) {
      await writer.write(Buffer.from(`${before}${head},"columns":${JSON.stringify(found.columns)},"rows":[`))
      for (const piece of found.rows) await writer.write(piece)
      await writer.write(Buffer.from(']}'))
    } else await writer.write(Buffer.from(`${before}${head},"columns":null,"rows":null}`))
    before = ',\n'
  }
  await writer.end(Buffer.from(`\n],"summary":${JSON.stringify(summaryJson(summary))}}`))
}

async function writeLines(
  front: HttpFront,
  call: HttpCall,
  request: BatchRequest,
  writer: AnswerWriter,
): Promise<void> {
  const sink = new SerialSink(writer)
  await streamResults(front, call, request, ndjsonLines(sink))
  await writer.end()
}

async function writeEvents(
  front: HttpFront,
  call: HttpCall,
  request: BatchRequest,
  writer: AnswerWriter,
): Promise<void> {
  const events = new EventStream(new SerialSink(writer), call.requestId, front.settings.heartbeatMs)
  try {
    await streamResults(front, call, request, eventLines(events))
  } finally {
    events.close()
  }
  await writer.end()
}

async function streamResults(
  front: HttpFront,
  call: HttpCall,
  request: BatchRequest,
  lines: BatchLines,
): Promise<void> {
  const summary = await runBatch(front, request, new StreamedBatch(lines, request.encoder, call.requestId))
  await lines.write('summary', [bytesOf({ summary: summaryJson(summary) })])
}
