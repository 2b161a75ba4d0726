import type { Worker } from 'node:cluster'

/** Messages by which node:cluster hands a connection to a worker, and by which the worker accepts it. */
interface ClusterMessage {
  readonly cmd?: string
  readonly act?: string
  readonly seq?: number
  readonly ack?: number
}

/** The handle of a connection in the primary process. */
interface ConnectionHandle {
  close(): void
}

/**
 * Returns connections that a worker has not accepted when it ends. node:cluster forgets them: the primary process keeps such a
 * connection open for ever, and its client waits. Here another worker gets it, since the ended one has read nothing of it.
 * Source: `RoundRobinHandle.handoff` in lib/internal/cluster/round_robin_handle.js of Node.js.
 * @param hasOthers whether another worker listens
 */
export function returnConnectionsOf(worker: Worker, hasOthers: () => boolean): void {
  const child = worker.process
  const handed = new Map<number, ConnectionHandle>()
  const send = child.send
  child.send = function sendAndRemember(this: typeof child, ...args: unknown[]) {
    const [message, handle] = args as [ClusterMessage, ConnectionHandle | undefined]
    if (handle && message.cmd === 'NODE_CLUSTER' && message.act === 'newconn' && message.seq !== undefined)
      handed.set(message.seq, handle)
    return Reflect.apply(send, this, args)
  } as typeof send
  child.on('internalMessage', ({ cmd, ack }: ClusterMessage) => {
    if (cmd === 'NODE_CLUSTER' && ack !== undefined) handed.delete(ack)
  })
  child.once('exit', () => {
    for (const [ack, handle] of handed) {
      if (hasOthers()) child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack, accepted: false })
      else handle.close()
    }
    handed.clear()
  })
}
