// Loaded into the server by start.mjs: when the starter is gone, even killed, the server drains instead of living on alone.
import { isMainThread } from 'node:worker_threads'

if (isMainThread && process.channel) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel.unref()
}
