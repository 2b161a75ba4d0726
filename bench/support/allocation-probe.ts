// Loaded into the gateway by `npm run bench -- memory` (`--import`), in the main thread and in each worker. It serves the socket
// ALLOCATION_PROBE: a client that sends `allocations` gets `Allocations`; one that sends `external` and later ends its side gets the
// highest memory outside the heap in between, above that at the start, in bytes.
import { createServer, type Socket } from 'node:net'
import { getHeapStatistics } from 'node:v8'
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads'

/** Bytes that JavaScript has allocated since the start, by thread; 0 is the main thread. */
export type Allocations = Readonly<Record<string, number>>

const ANSWER_WITHIN_MS = 100
const SAMPLE_MS = 5
const channel = new BroadcastChannel('allocation-probe')
channel.unref()

/** V8 has counted allocations since Node.js 25. */
const allocated = () => (getHeapStatistics() as { total_allocated_bytes?: number }).total_allocated_bytes ?? Number.NaN

function answerAllocations(socket: Socket): void {
  byThread[0] = allocated()
  channel.postMessage('ask')
  setTimeout(() => socket.end(JSON.stringify(byThread)), ANSWER_WITHIN_MS)
}

/** Asking for the memory allocates, so this happens in a run of its own. */
function answerExternal(socket: Socket): void {
  const external = () => process.memoryUsage().external
  const before = external()
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, external())
  }, SAMPLE_MS)
  socket.once('end', () => {
    clearInterval(timer)
    socket.end(String(peak - before))
  })
}

const byThread: Record<string, number> = {}
if (isMainThread) {
  channel.onmessage = ({ data }) => {
    if (data !== 'ask') byThread[data.threadId] = data.bytes
  }
  createServer({ allowHalfOpen: true }, (socket) => {
    socket.once('data', (question) => {
      if (String(question) === 'allocations') answerAllocations(socket)
      else answerExternal(socket)
    })
  })
    .listen(process.env['ALLOCATION_PROBE'])
    .unref()
} else {
  channel.onmessage = ({ data }) => {
    if (data === 'ask') channel.postMessage({ threadId, bytes: allocated() })
  }
}
