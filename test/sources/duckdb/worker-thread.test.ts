import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WorkerThread } from '../../../src/sources/duckdb/workers/worker-thread.ts'

const exitCodes: number[] = []
const watch = (worker: Worker) => worker.on('exit', (code) => exitCodes.push(code))
beforeEach(() => {
  process.on('worker', watch)
})
afterEach(() => {
  process.off('worker', watch)
})

// Terminated while it loads native code, it would end the process.
it('a worker is closed at any moment of its start: it ends by itself', async () => {
  // A thread takes about 100 ms to start, most of them to load DuckDB.
  for (let afterMs = 0; afterMs < 200; afterMs += 20) {
    const worker = new WorkerThread(false, () => {})
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    await Promise.all([worker.close(), worker.close()])
  }
  expect(exitCodes).toEqual(Array.from({ length: 10 }, () => 0))
})
