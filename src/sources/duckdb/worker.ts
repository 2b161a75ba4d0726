// Runs one order at a time on a connection that the main thread owns. It may block: nobody waits for its event loop.
import { parentPort, workerData } from 'node:worker_threads'
import { ArrowError } from '../../arrow/errors.ts'
import { encodeSchema, type Field } from '../../arrow/schema.ts'
import { readArrowSchema, releaseArrowSchema } from './arrow-struct.ts'
import { type BatchLimits, type EncodedBatch, encodeBatches } from './batches.ts'
import { BodyPool } from './body-pool.ts'
import { execute, PreparedStatement, type StreamingResult } from './capi.ts'
import { arrowChunks, vectorChunks } from './chunks.ts'
import type { Address } from './native.ts'
import { Control, type Order, type Reply, type WorkerSetup } from './orders.ts'
import { encodeVectorBatches } from './vector-batches.ts'
import { isVectorLayout } from './vector-layout.ts'
import { chunkPlan, wireSchema } from './wire-schema.ts'

const CREDIT_WAIT_MS = 1000

const port = parentPort!
const { control } = workerData as WorkerSetup
const pool = new BodyPool(control)

const stopped = () => Atomics.load(control, Control.stop) === 1
const say = (reply: Reply) => port.postMessage(reply)

/** Waits until one more batch may be sent. @throws when the order was stopped */
function takeCredit(): void {
  while (Atomics.load(control, Control.credit) <= 0 && !stopped())
    Atomics.wait(control, Control.credit, 0, CREDIT_WAIT_MS)
  if (stopped()) throw new Error('INTERRUPT Error: Interrupted!')
  Atomics.sub(control, Control.credit, 1)
}

function plan(order: Order & { kind: 'plan' }): void {
  const statement = new PreparedStatement(order.connection, order.sql)
  try {
    const schema = encodeSchema(wireSchema(statement.schema(readArrowSchema, releaseArrowSchema)))
    const { type, parameterCount } = statement
    say({ kind: 'description', description: { schema, type, parameterCount } })
  } finally {
    statement.close()
  }
}

function run(order: Order & { kind: 'run' }): void {
  const statement = new PreparedStatement(order.connection, order.sql)
  try {
    const schema = statement.schema(readArrowSchema, releaseArrowSchema)
    const encoded = encodeSchema(wireSchema(schema))
    if (stopped()) throw new Error('INTERRUPT Error: Interrupted!')
    const result = statement.execute()
    try {
      say({ kind: 'schema', schema: encoded })
      for (const batch of isVectorLayout(schema)
        ? vectorResult(schema, result, order.limits)
        : encodeBatches(schema, arrowChunks(result), order.limits, pool.take)) {
        takeCredit()
        const { header, body, bodyLength, rows } = batch
        say({ kind: 'batch', batch: { header, body: pool.refer(body), bodyLength, rows } })
      }
    } finally {
      result.close()
    }
  } finally {
    statement.close()
  }
}

/** Vectors go straight into batches as long as there are no nulls; from then on their validity is gathered too. */
function* vectorResult(schema: Field, result: StreamingResult, limits: BatchLimits): Generator<EncodedBatch> {
  const plans = schema.children.map(chunkPlan)
  let first: Address = 0
  if (plans.every(({ kind }) => kind === 'fixed')) {
    const widths = plans.map(({ width }) => width)
    first = yield* encodeVectorBatches(result, widths, limits, pool.take)
    if (first === 0) return
  }
  yield* encodeBatches(schema, vectorChunks(result, plans.length, first), limits, pool.take)
}

/**
 * Runs `work` in a read-only transaction, whatever the statement turns out to do.
 * @returns whether the transaction could not be ended, so that the connection must be given up
 */
function readOnly(connection: number, work: () => void): { error: unknown; broken: boolean } {
  let error: unknown
  let broken = false
  try {
    execute(connection, 'BEGIN TRANSACTION READ ONLY')
    work()
  } catch (thrown) {
    error = thrown
  }
  try {
    execute(connection, 'ROLLBACK')
  } catch {
    broken = true
  }
  return { error, broken }
}

function carryOut(order: Order): { error: unknown; broken: boolean } {
  try {
    if (order.kind === 'plan') plan(order)
    else if (order.kind === 'execute') for (const sql of order.statements) execute(order.connection, sql)
    else if (order.readOnly) return readOnly(order.connection, () => run(order))
    else run(order)
    return { error: undefined, broken: false }
  } catch (error) {
    return { error, broken: false }
  }
}

port.on('message', (order: Order) => {
  const { error, broken } = carryOut(order)
  const failure = error !== undefined && { message: (error as Error).message, unsupported: error instanceof ArrowError }
  say({ kind: 'done', ...(failure && { error: failure }), broken })
})
