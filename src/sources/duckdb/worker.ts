// Runs one order at a time on a connection that the main thread owns. It may block: nobody waits for its event loop.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { ArrowError } from '../../arrow/errors.ts'
import type { IpcMessage } from '../../arrow/ipc.ts'
import { decodeSchema, encodeSchema, type Field } from '../../arrow/schema.ts'
import { BodyPool } from './body-pool.ts'
import { DuckDbError } from './c-functions.ts'
import { execute } from './database.ts'
import { encodeResult } from './encode-result.ts'
import { ingest } from './ingest.ts'
import type { Address } from './native.ts'
import { Control, type Order, type Reply, type WorkerSetup } from './orders.ts'
import { announcedParameters } from './parameter-schema.ts'
import { bindNulls, parameterRows } from './parameters.ts'
import { PreparedStatement } from './prepared-statement.ts'
import { WireSchemas } from './wire-schemas.ts'

const CREDIT_WAIT_MS = 1000

const port = parentPort!
const { control, writes } = workerData as WorkerSetup
const wireSchemas = new WireSchemas(!writes)
const pool = new BodyPool(control)

/** Counts chunks, see `Seat.isStuck`. */
const chunks = control.subarray(Control.chunks, Control.chunks + 1)

const stopped = () => Atomics.load(control, Control.stop) === 1

/** Said, and not yet sent: waking the main thread costs more than a small result. */
let replies: Reply[] = []

function flush(): void {
  if (replies.length > 0) port.postMessage(replies)
  replies = []
}

/** Sends a reply, or keeps it for the next when that is sure to come soon. */
function say(reply: Reply, more = false): void {
  replies.push(reply)
  if (!more) flush()
}

/** Waits until one more batch may be sent. @throws when the order was stopped */
function takeCredit(): void {
  if (Atomics.load(control, Control.credit) <= 0) {
    flush()
    Atomics.store(control, Control.working, 0)
    while (Atomics.load(control, Control.credit) <= 0 && !stopped())
      Atomics.wait(control, Control.credit, 0, CREDIT_WAIT_MS)
    Atomics.store(control, Control.working, 1)
  }
  if (stopped()) throw new Error('INTERRUPT Error: Interrupted!')
  Atomics.sub(control, Control.credit, 1)
}

const none = new Uint8Array(0)

function plan(order: Order & { kind: 'plan' }): void {
  const statement = new PreparedStatement(order.connection, order.sql)
  try {
    // DuckDB looks at no interrupt in all of planning, and reading many columns takes as long again.
    if (stopped()) throw new Error('INTERRUPT Error: Interrupted!')
    const parameters = statement.parameterCount > 0
    const parameterSchema = parameters ? encodeSchema(announcedParameters(statement.parameterSchema())) : none
    let schema: Uint8Array = none
    try {
      schema = wireSchemas.encode(statement.schema())
    } catch (error) {
      // What `SELECT ?` returns is known once something is bound.
      if (!parameters) throw error
    }
    say({ kind: 'description', description: { schema, type: statement.type, parameterSchema } }, true)
  } finally {
    statement.close()
  }
}

/** Runs the statement, once for each row of parameters; answers with how many rows it changed. */
function run(order: Order & { kind: 'run' }): number {
  const statement = new PreparedStatement(order.connection, order.sql)
  try {
    if (!order.parameters) {
      const schema = statement.schema()
      // Before it runs: a client, and the boxes on the way, see a slow statement begin.
      say({ kind: 'schema', schema: wireSchemas.encode(schema) }, order.schemaKnown)
      return emit(order, statement, schema, undefined)
    }
    let affectedRows = 0
    let first: Uint8Array | undefined
    for (const row of parameterRows(order.parameters)) {
      statement.clearBindings()
      row.bindTo(statement.handle)
      affectedRows += emit(order, statement, undefined, first, (schema) => {
        first = schema
      })
    }
    if (!first) describeNothing(order, statement)
    return affectedRows
  } finally {
    statement.close()
  }
}

/** No rows of parameters give no rows, of the schema that NULLs would give. */
function describeNothing(order: Order & { kind: 'run' }, statement: PreparedStatement): void {
  bindNulls(statement.handle, order.parameters ?? none, statement.parameterCount)
  let schema: Field
  if (order.isUpdate) schema = statement.schema()
  else {
    const result = statement.execute()
    schema = result.schema()
    result.close()
  }
  say({ kind: 'schema', schema: wireSchemas.encode(schema) })
}

/**
 * Executes once and sends schema and rows. Where parameters decide on the schema it is the result's own, which must be
 * the same for every row of them.
 */
function emit(
  order: Order & { kind: 'run' },
  statement: PreparedStatement,
  known: Field | undefined,
  expected: Uint8Array | undefined,
  onSchema?: (schema: Uint8Array) => void,
): number {
  if (stopped()) throw new Error('INTERRUPT Error: Interrupted!')
  const result = statement.execute(order.isUpdate, chunks)
  try {
    const schema = known ?? result.schema()
    if (!known) {
      const encoded = wireSchemas.encode(schema)
      if (!expected) say({ kind: 'schema', schema: encoded })
      else if (Buffer.compare(encoded, expected) !== 0)
        throw new DuckDbError(
          'Invalid Input Error: the rows of parameters give results of different types: cast the parameters',
        )
      onSchema?.(encoded)
    }
    let rows = 0
    for (const batch of encodeResult(schema, result, order.limits, pool.take)) {
      takeCredit()
      rows += batch.rows
      const { header, body, bodyLength } = batch
      // A batch far from full is the last, or one of a few.
      const more = bodyLength < order.limits.batchBytes / 4 && batch.rows < order.limits.batchRows / 4
      say({ kind: 'batch', batch: { header, body: pool.refer(body), bodyLength, rows: batch.rows } }, more)
    }
    if (!order.isUpdate) return 0
    // A statement with RETURNING gives the rows it changed, the others a column with their number.
    return schema.children.length === 1 && schema.children[0]!.name === 'Count' ? result.rowsChanged : rows
  } finally {
    result.close()
  }
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

/** The messages of an ingestion, each waited for. @throws when the order was stopped */
function* incoming({ inbox }: Order & { kind: 'ingest' }): Generator<IpcMessage> {
  for (;;) {
    const seen = Atomics.load(control, Control.inbox)
    const received = receiveMessageOnPort(inbox) as { message: IpcMessage | null } | undefined
    if (stopped()) throw new Error('INTERRUPT Error: Interrupted!')
    if (!received) {
      Atomics.store(control, Control.working, 0)
      Atomics.wait(control, Control.inbox, seen, CREDIT_WAIT_MS)
      Atomics.store(control, Control.working, 1)
    } else if (received.message === null) return
    else {
      yield received.message
      say({ kind: 'taken' })
    }
  }
}

/** Takes an upload into a table; answers with its rows. */
function takeIn(order: Order & { kind: 'ingest' }): number {
  try {
    return ingest(order.connection, order.target, decodeSchema(order.schemaMessage), incoming(order))
  } finally {
    order.inbox.close()
  }
}

/** Several rows change all or nothing. */
function inTransaction(connection: Address, work: () => number): Outcome {
  try {
    execute(connection, 'BEGIN TRANSACTION')
    const affectedRows = work()
    execute(connection, 'COMMIT')
    return { error: undefined, broken: false, affectedRows }
  } catch (error) {
    let broken = false
    try {
      execute(connection, 'ROLLBACK')
    } catch {
      // A commit that failed has ended the transaction itself; an interrupt that hit the rollback has left it open.
      broken = true
    }
    return { error, broken, affectedRows: -1 }
  }
}

interface Outcome {
  readonly error: unknown
  readonly broken: boolean
  readonly affectedRows: number
}

/** Carries out an order in the schema that it asks for. */
function carryOut(order: Order): Outcome {
  if (order.kind === 'execute' || order.kind === 'ingest' || !order.use) return carryOutHere(order)
  try {
    execute(order.connection, order.use.before)
  } catch (error) {
    return { error, broken: false, affectedRows: -1 }
  }
  const outcome = carryOutHere(order)
  try {
    execute(order.connection, order.use.after)
    return outcome
  } catch {
    return { ...outcome, broken: true }
  }
}

function carryOutHere(order: Order): Outcome {
  let affectedRows = -1
  try {
    if (order.kind === 'plan') plan(order)
    else if (order.kind === 'execute') for (const sql of order.statements) execute(order.connection, sql)
    else if (order.kind === 'ingest') {
      if (!order.inTransaction) return inTransaction(order.connection, () => takeIn(order))
      affectedRows = takeIn(order)
    } else if (order.inTransaction) affectedRows = run(order)
    else if (order.readOnly) return { ...readOnly(order.connection, () => run(order)), affectedRows }
    else if (order.parameters) return inTransaction(order.connection, () => run(order))
    else affectedRows = run(order)
    return { error: undefined, broken: false, affectedRows }
  } catch (error) {
    return { error, broken: false, affectedRows }
  }
}

port.on('message', (order: Order) => {
  Atomics.store(control, Control.working, 1)
  const { error, broken, affectedRows } = carryOut(order)
  Atomics.store(control, Control.working, 0)
  pool.abandon()
  const failure = error !== undefined && {
    message: (error as Error).message,
    ...(error instanceof ArrowError && { arrow: error.code }),
  }
  say({ kind: 'done', ...(failure && { error: failure }), broken, affectedRows })
})
