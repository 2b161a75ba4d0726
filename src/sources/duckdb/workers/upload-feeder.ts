import type { MessagePort } from 'node:worker_threads'
import type { IpcMessage } from '../../../arrow/ipc/ipc.ts'
import type { Job } from './job.ts'

/**
 * Sends the messages of an upload to its worker one by one, each after the worker has consumed the previous one. An error
 * ends the job, and its transaction rolls back.
 * @returns rows appended
 * @throws GatewayError; whatever `messages` throws
 */
export async function feed(job: Job, outbox: MessagePort, messages: AsyncIterable<IpcMessage>): Promise<number> {
  try {
    for await (const { header, body } of messages) {
      // Copy the message: it lies unaligned in memory that the reader reuses.
      const message: IpcMessage = { header: Uint8Array.from(header), body: Uint8Array.from(body) }
      outbox.postMessage(message, [message.header.buffer as ArrayBuffer, message.body.buffer as ArrayBuffer])
      await job.notifyInbox()
    }
    outbox.postMessage(null)
    void job.notifyInbox().catch(() => {})
    await job.finished()
    return job.stats.affectedRows
  } catch (error) {
    await job.return()
    throw error
  }
}
