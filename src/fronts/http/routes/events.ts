import { SerialSink } from '../answer/serial-sink.ts'
import { setStatementHeaders } from '../answer/statement-headers.ts'
import { streamAnswer } from '../answer/stream-answer.ts'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { statementProblemAnswers } from '../schemas/answers.ts'
import { eventSchema, eventsBody } from '../schemas/events.ts'
import { EVENT_STREAM_TYPE, EventStream } from '../sse/event-stream.ts'
import { refuseResumption } from '../sse/resumption.ts'
import { StatementEvents } from '../sse/statement-events.ts'

/** Adds the route that sends the rows of a statement as server-sent events. */
export function addEventsRoute(app: HttpApp, front: HttpFront): void {
  app.post(
    '/stream/sse',
    {
      schema: {
        operationId: 'streamEvents',
        summary: 'Stream the rows of a statement as events',
        description: `Sends server-sent events with JSON: \`schema\` (\`columns\`), \`rows\` (an array of at most \`chunk_size\` rows), \`progress\` (\`rows\`, \`bytes\`, \`elapsed_ms\`, \`percent\`; at most once a second, and before the end), and at last \`end\` (\`row_count\`, \`affected_rows\`, \`metrics\`) or \`error\` (a problem). A stream without \`end\` is not complete. While nothing else is sent, a comment keeps the connection alive (\`http.heartbeatMs\`).

Each event has an id, but a result is not kept: a request with \`last-event-id\` is refused with \`NOT_RESUMABLE\`, so that no statement runs twice unseen.`,
        tags: ['Statements'],
        body: eventsBody(front.settings),
        response: {
          200: { description: 'The events.', content: { 'text/event-stream': { schema: eventSchema } } },
          ...statementProblemAnswers(),
        },
      },
    },
    async ({ call, body, headers }, reply) => {
      refuseResumption(headers)
      await streamAnswer(front, call, reply, EVENT_STREAM_TYPE, async (writer) => {
        const statement = new StatementEvents(front, call, body, (started) => setStatementHeaders(reply, started))
        const events = new EventStream(new SerialSink(writer), call.requestId, front.settings.heartbeatMs, (stream) =>
          statement.reportProgress(stream),
        )
        try {
          await statement.run(events)
        } catch (error) {
          // Before the first event the answer gets the status of the error.
          if (!writer.hasStarted) throw error
          await statement.fail(events, error)
        } finally {
          events.close()
          statement.close()
        }
        await writer.end()
      })
    },
  )
}
