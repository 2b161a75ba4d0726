import type { FastifyReply } from 'fastify'
import { CREDENTIAL_HEADERS } from '../../../auth/credentials.ts'
import type { StartedStatement } from '../../../statements/requests/statement-requests.ts'
import type { HttpCall } from '../call/http-call.ts'
import type { HttpFront } from '../front.ts'
import { acceptedEncoding } from './accepted.ts'
import { answerErrorOf } from './answer-error.ts'
import { AnswerWriter } from './answer-writer.ts'
import { encodings } from './compressor.ts'
import type { ResultBody } from './result-body.ts'

/**
 * Sends a result as it arrives, each piece when the client has taken the one before. An error before the first byte is thrown;
 * a later one is told in the format's own way, and the connection is cut.
 * @param bodyOf creates the format of the answer
 * @throws GatewayError
 */
export async function sendResult(
  front: HttpFront,
  call: HttpCall,
  reply: FastifyReply,
  statement: StartedStatement,
  bodyOf: () => ResultBody,
): Promise<void> {
  const { schema, frames } = statement.result
  const iterator = frames[Symbol.asyncIterator]()
  let answer: { readonly body: ResultBody; readonly writer: AnswerWriter } | undefined
  try {
    const body = bodyOf()
    const writer = writerOf(front, call, reply, body.contentType)
    answer = { body, writer }
    // The answer begins with the first rows: a statement that fails until then gets the status of its error.
    let begin = body.begin()
    let rows = 0
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      for (const [i, frame] of next.value.entries()) {
        try {
          for await (const piece of body.batch(frame)) {
            await writer.write(...begin, ...piece.chunks)
            begin = []
            rows += piece.rows
          }
        } catch (error) {
          for (const rest of next.value.slice(i + 1)) rest.release?.()
          throw error
        }
      }
    }
    await writer.end(...begin, ...body.end(statement, rows))
    reply.hijack()
  } catch (thrown) {
    const error = answerErrorOf(thrown)
    // Before the iterator is ended: the signal aborts what its end would wait for.
    call.fail(error)
    const failure = call.error ?? error
    if (!answer?.writer.hasStarted) {
      answer?.writer.drop()
      throw failure
    }
    reply.hijack()
    await answer.writer.cut(...answer.body.failure(failure))
  } finally {
    schema.release?.()
    await iterator.return?.()
  }
}

/**
 * The writer of an answer with results. It sends the headers that the reply has when the answer begins. Results belong to one
 * principal, and a cache on the way would not learn of changed data.
 */
export function writerOf(front: HttpFront, call: HttpCall, reply: FastifyReply, contentType: string): AnswerWriter {
  const accepted = reply.request.headers['accept-encoding']
  const headers = () =>
    ({
      ...reply.getHeaders(),
      'content-type': contentType,
      'cache-control': 'private, no-store',
      vary: varyOf(reply),
    }) as Record<string, string>
  const encoding = front.settings.compression ? acceptedEncoding(acceptEncodingText(accepted), encodings) : undefined
  return new AnswerWriter(reply.raw, call, { status: 200, headers, encoding }, front.limits.stallTimeoutMs)
}

function acceptEncodingText(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}

/** The answer depends on these headers, on the credentials, and on what CORS names. */
function varyOf(reply: FastifyReply): string {
  const given = reply.getHeader('vary')
  return [...(given === undefined ? [] : [String(given)]), 'accept', 'accept-encoding', ...CREDENTIAL_HEADERS].join(
    ', ',
  )
}
