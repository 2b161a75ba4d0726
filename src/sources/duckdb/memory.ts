import type { MemoryNeed } from '../kind.ts'
import type { DuckDbSettings } from './settings.ts'

/** Memory of a worker thread with its stack, its heap and its copy of the code, in bytes; measured. */
const THREAD_BYTES = 18 << 20
/** Threads of a DuckDB source besides those of its statements: planners and task threads. */
const FURTHER_THREADS = 6
/** Batches that the reader of a worker has not taken, and the one that the worker is encoding, see `WorkerThread`. */
const BATCHES_AHEAD = 4

/** Memory of a source: its threads and batches, and DuckDB's own. */
export function duckDbMemory({ maxStreams, batchBytes, memoryLimitBytes }: DuckDbSettings): MemoryNeed {
  return {
    processBytes: (maxStreams + FURTHER_THREADS) * THREAD_BYTES + maxStreams * BATCHES_AHEAD * batchBytes,
    engine: { limitBytes: memoryLimitBytes },
  }
}
