// Executes DuckDB's tasks while demand is set. This thread may block: nothing runs on its event loop.
import { workerData } from 'node:worker_threads'
import { c } from '../native/c-api.ts'
import { Demand, type TaskThreadSetup } from './task-threads.ts'

const { engine, demand } = workerData as TaskThreadSetup

/** Looking for a task and finding none takes less than this. */
const MIN_TASK_MS = 0.1
const PAUSE_MS = 1

for (;;) {
  const state = Atomics.load(demand, 0)
  if (state === Demand.ended) break
  if (state === Demand.none) {
    Atomics.wait(demand, 0, Demand.none)
    continue
  }
  const startedAt = performance.now()
  c.executeTasks(engine, 1)
  if (performance.now() - startedAt < MIN_TASK_MS) Atomics.wait(demand, 0, Demand.wanted, PAUSE_MS)
}
