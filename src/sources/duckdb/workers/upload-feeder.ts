import type { MessagePort } from 'node:worker_threads'
import type { IpcMessage } from '../../../arrow/ipc/ipc.ts'
import type { Job } from './job.ts'

/**
 * Hands messages to an ingestion one by one, each after the one before has been taken; answers with the rows taken in.
 * Whatever goes wrong on the way ends the ingestion, and its transaction undoes it.
 * @throws GatewayError, or what the messages throw
 */
export async function feed(execution: Job, outbox: MessagePort, messages: AsyncIterable<IpcMessage>): Promise<number> {
  try {
    for await (const { header, body } of messages) {
      // A copy of its own: the message stands unaligned in memory that is used again.
      const message: IpcMessage = { header: Uint8Array.from(header), body: Uint8Array.from(body) }
      outbox.postMessage(message, [message.header.buffer as ArrayBuffer, message.body.buffer as ArrayBuffer])
      await execution.notifyInbox()
    }
    outbox.postMessage(null)
    void execution.notifyInbox().catch(() => {})
    await execution.finished()
    return execution.stats.affectedRows
  } catch (error) {
    await execution.return()
    throw error
  }
}
