// Works on whatever tasks DuckDB has while help is wanted. It may block: nobody waits for its event loop.
import { workerData } from 'node:worker_threads'
import { c } from '../native/c-api.ts'
import { Help, type TaskThreadSetup } from './task-threads.ts'

const { engine, help } = workerData as TaskThreadSetup

/** Finding no task takes less. */
const TASK_MS = 0.1
const PAUSE_MS = 1

for (;;) {
  const wish = Atomics.load(help, 0)
  if (wish === Help.ended) break
  if (wish === Help.none) {
    Atomics.wait(help, 0, Help.none)
    continue
  }
  const startedAt = performance.now()
  c.executeTasks(engine, 1)
  if (performance.now() - startedAt < TASK_MS) Atomics.wait(help, 0, Help.wanted, PAUSE_MS)
}
