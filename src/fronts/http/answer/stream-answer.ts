import type { FastifyReply } from 'fastify'
import type { GatewayError } from '../../../query/errors.ts'
import type { HttpCall } from '../call/http-call.ts'
import type { HttpFront } from '../front.ts'
import { answerErrorOf } from './answer-error.ts'
import type { AnswerWriter } from './answer-writer.ts'
import { writerOf } from './send-result.ts'

/**
 * Writes an answer piece by piece. An error before the first byte is thrown, so that it gets its status; after a later one the
 * connection is cut.
 * @param failure what is sent before the connection is cut
 * @throws GatewayError
 */
export async function streamAnswer(
  front: HttpFront,
  call: HttpCall,
  reply: FastifyReply,
  contentType: string,
  write: (writer: AnswerWriter) => Promise<void>,
  failure: (error: GatewayError) => readonly Uint8Array[] = () => [],
): Promise<void> {
  const writer = writerOf(front, call, reply, contentType)
  try {
    await write(writer)
    reply.hijack()
  } catch (thrown) {
    const error = answerErrorOf(thrown)
    call.fail(error)
    const cause = call.error ?? error
    if (!writer.hasStarted) {
      writer.drop()
      throw cause
    }
    reply.hijack()
    await writer.cut(...failure(cause))
  }
}
