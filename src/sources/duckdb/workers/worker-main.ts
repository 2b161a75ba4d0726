// Runs one order at a time on a connection that the main thread owns. It may block: nobody waits for its event loop.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { ArrowError } from '../../../arrow/errors.ts'
import type { IpcMessage } from '../../../arrow/ipc/ipc.ts'
import { decodeSchema, encodeSchema, type Field } from '../../../arrow/schema.ts'
import { ingest } from '../bind/ingest.ts'
import { insertRows } from '../bind/insert-rows.ts'
import { bindNulls, Parameters } from '../bind/parameters.ts'
import { plainInsert } from '../bind/plain-insert.ts'
import { encodeCounts } from '../encode/encode-counts.ts'
import { encodeResult } from '../encode/encode-result.ts'
import type { EncodedBatch } from '../encode/record-batches.ts'
import { isAppendable } from '../native/appender.ts'
import { DuckDbError } from '../native/c-api.ts'
import { abortTransaction, execute } from '../native/database.ts'
import { mayBeExpanded } from '../native/expansion/expanded-statement.ts'
import { inTransaction, type Outcome, readOnly } from '../native/in-transaction.ts'
import { PreparedStatement } from '../native/prepared-statement.ts'
import type { StreamingResult } from '../native/streaming-result.ts'
import { AnnouncedSchema, SchemaChangedError } from '../types/announced-schema.ts'
import { announcedParameters } from '../types/parameter-schema.ts'
import { type WireSchema, WireSchemaCache } from '../types/wire-schema-cache.ts'
import { Control, type Order, type Reply, type WorkerSetup } from './messages.ts'
import { SharedBuffers } from './shared-buffers.ts'

const CREDIT_WAIT_MS = 1000
const returning = /\breturning\b/i

const port = parentPort!
const { control, writes } = workerData as WorkerSetup
const wireSchemas = new WireSchemaCache(!writes)
const pool = new SharedBuffers(control)

/** Counts chunks, see `Seat.isStuck`. */
const chunks = control.subarray(Control.chunks, Control.chunks + 1)

const stopped = () => Atomics.load(control, Control.stop) === 1

function refuseStopped(): void {
  if (stopped()) throw new Error('INTERRUPT Error: Interrupted!')
}

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
  refuseStopped()
  Atomics.sub(control, Control.credit, 1)
}

const none = new Uint8Array(0)

type RunOrder = Order & { kind: 'run' }

const schemaEncoder =
  ({ losslessTypes }: RunOrder) =>
  (schema: Field) =>
    wireSchemas.encode(schema, losslessTypes)
const tellSchema = (schema: Uint8Array) => say({ kind: 'schema', schema })

function plan(order: Order & { kind: 'plan' }): void {
  const statement = new PreparedStatement(order.connection, order.sql)
  try {
    // DuckDB looks at no interrupt in all of planning, and reading many columns takes as long again.
    if (stopped()) throw new Error('INTERRUPT Error: Interrupted!')
    const parameters = statement.parameterCount > 0
    const parameterSchema = parameters ? encodeSchema(announcedParameters(statement.parameterSchema())) : none
    let schema: WireSchema = { message: none, digest: '' }
    try {
      schema = wireSchemas.encode(statement.schema(), order.losslessTypes)
    } catch (error) {
      // What `SELECT ?` returns is known once something is bound.
      if (!parameters) throw error
    }
    const { message, digest } = schema
    say({ kind: 'description', description: { schema: message, digest, type: statement.type, parameterSchema } }, true)
  } finally {
    statement.close()
  }
}

/** Runs the statement, once for each row of parameters; answers with how many rows it changed. */
function run(order: RunOrder): number {
  const statement = new PreparedStatement(order.connection, order.sql)
  try {
    return order.parameters === undefined ? runOnce(order, statement) : runRows(order, statement, order.parameters)
  } finally {
    statement.close()
  }
}

/** Another change of the catalog may come between any two steps outside a transaction: each looks at the schema again. */
function runOnce(order: RunOrder, statement: PreparedStatement): number {
  const announced = new AnnouncedSchema(schemaEncoder(order), order.promised, order.schemaKnown, tellSchema)
  // Before it runs: a client, and the boxes on the way, see a slow statement begin, and nothing is changed in vain.
  if ((!order.schemaKnown || order.isUpdate) && !announced.tellOnce(statement.schema())) throw new SchemaChangedError()
  return emit(order, statement, (result) => {
    if (!announced.tellOnce(result.schema())) throw new SchemaChangedError()
  })
}

/**
 * Runs the statement once for each row of parameters, or as if it had been. The types of parameters may decide on the schema; it
 * must be the same for every row of them.
 */
function runRows(order: RunOrder, statement: PreparedStatement, stream: Uint8Array): number {
  const promised = new AnnouncedSchema(schemaEncoder(order), order.promised, true, tellSchema)
  if (order.promised !== undefined && !promised.allows(statement.schema())) throw new SchemaChangedError()
  const announced = new AnnouncedSchema(schemaEncoder(order), undefined, false, tellSchema)
  const insert = order.isUpdate ? plainInsert(order.sql) : undefined
  const parameters = new Parameters(stream, insert && ((i) => statement.parameterType(i)))
  const { rowCount, fields } = parameters
  const isMany = order.isUpdate && rowCount > 1
  if (isMany && insert?.parameterCount === fields.length && parameters.written().every(isAppendable)) {
    allOrNothing(order, () => insertRows(order.connection, insert, parameters, goOn))
    announced.tellOnce(statement.schema())
    sendCounts(order, rowCount, () => 1)
    return rowCount
  }
  const counts: number[] | undefined = isMany ? [] : undefined
  const announce = (result: StreamingResult) => {
    if (announced.tellOnce(result.schema())) return
    throw new DuckDbError(
      'Invalid Input Error: the rows of parameters give results of different types: cast the parameters',
    )
  }
  let affectedRows = 0
  let isRun = false
  for (const bind of parameters.rows()) {
    const runOne = () => {
      statement.clearBindings()
      bind(statement.handle)
      affectedRows += emit(order, statement, announce, counts)
    }
    // Whatever is wrong with the first row has changed nothing.
    if (isRun && isMany) allOrNothing(order, runOne)
    else runOne()
    isRun = true
  }
  if (!isRun) announced.tellOnce(schemaOfNulls(order, statement))
  if (counts) sendCounts(order, counts.length, (row) => counts[row]!)
  return affectedRows
}

/** Does a part of a change. When it fails, what the parts before it changed must not stay in the client's transaction. */
function allOrNothing(order: RunOrder, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (order.inTransaction) abortTransaction(order.connection)
    throw error
  }
}

/** Sends the numbers of changed rows as the rows that they are the result of. @throws when the order was stopped */
function sendCounts(order: RunOrder, executions: number, countOf: (execution: number) => number): void {
  for (const batch of encodeCounts(executions, countOf, order.limits, pool.take)) send(order, batch)
}

/** Between pieces of a change: DuckDB is getting on with it. @throws when the order was stopped */
function goOn(): void {
  refuseStopped()
  chunks[0]!++
}

/** The schema that NULLs would give: no rows of parameters give no rows, of that schema. */
function schemaOfNulls({ isUpdate, parameters = none }: RunOrder, statement: PreparedStatement): Field {
  bindNulls(statement.handle, parameters, statement.parameterCount)
  if (isUpdate) return statement.schema()
  const result = statement.execute()
  try {
    return result.schema()
  } finally {
    result.close()
  }
}

/**
 * Executes once, has the result's schema checked or told, and sends the rows.
 * @param counts takes the number of changed rows in place of the row that it is the result of
 */
function emit(
  order: RunOrder,
  statement: PreparedStatement,
  announce: (result: StreamingResult) => void,
  counts?: number[],
): number {
  if (counts) goOn()
  else refuseStopped()
  const result = statement.execute(order.isUpdate, chunks)
  try {
    const isCount = order.isUpdate && result.isCount
    if (counts && isCount) {
      if (counts.length === 0) announce(result)
      counts.push(result.rowsChanged)
      return result.rowsChanged
    }
    announce(result)
    let rows = 0
    for (const batch of encodeResult(result, order.limits, pool.take, order.losslessTypes)) {
      rows += batch.rows
      send(order, batch)
    }
    if (!order.isUpdate) return 0
    // A statement with RETURNING gives the rows it changed, the others a column with their number.
    return isCount ? result.rowsChanged : rows
  } finally {
    result.close()
  }
}

/** Sends a batch as soon as it may. @throws when the order was stopped */
function send({ limits }: RunOrder, { header, body, bodyLength, rows }: EncodedBatch): void {
  takeCredit()
  // A batch far from full is the last, or one of a few.
  const more = bodyLength < limits.batchBytes / 4 && rows < limits.batchRows / 4
  say({ kind: 'batch', batch: { header, body: pool.refer(body), bodyLength, rows } }, more)
}

/** The messages of an ingestion, each waited for. @throws when the order was stopped */
function* incoming({ inbox }: Order & { kind: 'ingest' }): Generator<IpcMessage> {
  for (;;) {
    const seen = Atomics.load(control, Control.inbox)
    const received = receiveMessageOnPort(inbox) as { message: IpcMessage | null } | undefined
    refuseStopped()
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
  let begun = false
  const messages = function* () {
    for (const message of incoming(order)) {
      begun = true
      yield message
    }
  }
  try {
    return ingest(order.connection, order.target, decodeSchema(order.schemaMessage), messages())
  } catch (error) {
    if (begun && order.inTransaction) abortTransaction(order.connection)
    throw error
  } finally {
    order.inbox.close()
  }
}

/**
 * Whether a change may give rows, whose types must not change between its being prepared and its being run: what is undone
 * because they did must be undone whole. The number of rows that others give has one type.
 */
function mayReturnRows({ isUpdate, sql }: RunOrder): boolean {
  return isUpdate && returning.test(sql)
}

/** Carries out an order in the schema that it asks for. */
function executeRequest(order: Order): Outcome {
  if (order.kind === 'execute' || order.kind === 'ingest' || !order.use) return executeHere(order)
  try {
    execute(order.connection, order.use.before)
  } catch (error) {
    return { error, broken: false, affectedRows: -1 }
  }
  const outcome = executeHere(order)
  try {
    execute(order.connection, order.use.after)
    return outcome
  } catch {
    return { ...outcome, broken: true }
  }
}

function executeHere(order: Order): Outcome {
  let affectedRows = -1
  try {
    if (order.kind === 'plan') {
      if (!order.inTransaction && mayBeExpanded(order.connection, order.sql))
        return { ...readOnly(order.connection, () => plan(order)), affectedRows }
      plan(order)
    } else if (order.kind === 'execute') for (const sql of order.statements) execute(order.connection, sql)
    else if (order.kind === 'ingest') {
      if (!order.inTransaction) return inTransaction(order.connection, () => takeIn(order))
      affectedRows = takeIn(order)
    } else if (order.inTransaction) affectedRows = run(order)
    else if (order.readOnly) return { ...readOnly(order.connection, () => run(order)), affectedRows }
    else if (order.parameters || mayReturnRows(order) || mayBeExpanded(order.connection, order.sql))
      return inTransaction(order.connection, () => run(order))
    else affectedRows = run(order)
    return { error: undefined, broken: false, affectedRows }
  } catch (error) {
    return { error, broken: false, affectedRows }
  }
}

port.on('message', (order: Order) => {
  Atomics.store(control, Control.working, 1)
  const { error, broken, affectedRows } = executeRequest(order)
  Atomics.store(control, Control.working, 0)
  pool.abandon()
  const failure = error !== undefined && {
    message: (error as Error).message,
    ...(error instanceof ArrowError && { arrow: error.code }),
    ...(error instanceof SchemaChangedError && { isSchemaChange: true }),
  }
  say({ kind: 'done', ...(failure && { error: failure }), broken, affectedRows })
})
