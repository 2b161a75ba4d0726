// Entry point of a worker thread. It executes one request at a time on a connection of the main thread. It may block.
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
import { estimateStatement } from '../estimate/estimate-statement.ts'
import { isAppendable } from '../native/appender.ts'
import { DuckDbError } from '../native/c-api.ts'
import { abortTransaction, execute } from '../native/database.ts'
import { mayBeExpanded } from '../native/expansion/expanded-statement.ts'
import { inReadOnlyTransaction, inTransaction, type Outcome } from '../native/in-transaction.ts'
import { PreparedStatement } from '../native/prepared-statement.ts'
import type { StreamingResult } from '../native/streaming-result.ts'
import { AnnouncedSchema, SchemaChangedError } from '../types/announced-schema.ts'
import { announcedParameters } from '../types/parameter-schema.ts'
import { type WireSchema, WireSchemaCache } from '../types/wire-schema-cache.ts'
import { Control, END, type Reply, type WorkerRequest, type WorkerSetup } from './messages.ts'
import { SharedBuffers } from './shared-buffers.ts'

const CREDIT_WAIT_MS = 1000
const returning = /\breturning\b/i

const port = parentPort!
const { control, writes } = workerData as WorkerSetup
const wireSchemas = new WireSchemaCache(!writes)
const buffers = new SharedBuffers(control)

/** Counts chunks, see `WorkerThread.madeNoProgress`. */
const chunks = control.subarray(Control.chunks, Control.chunks + 1)

const isStopped = () => Atomics.load(control, Control.stop) === 1

function throwIfStopped(): void {
  if (isStopped()) throw new Error('INTERRUPT Error: Interrupted!')
}

/** Replies not posted yet: waking the main thread costs more than a small result. */
let replies: Reply[] = []

function flush(): void {
  if (replies.length > 0) port.postMessage(replies)
  replies = []
}

/** Sends a reply. With `more`, another reply follows soon, and both go in one post. */
function sendReply(reply: Reply, more = false): void {
  replies.push(reply)
  if (!more) flush()
}

/** Waits for the credit to send one more batch. @throws when the request was stopped */
function acquireCredit(): void {
  if (Atomics.load(control, Control.credit) <= 0) {
    flush()
    Atomics.store(control, Control.working, 0)
    while (Atomics.load(control, Control.credit) <= 0 && !isStopped())
      Atomics.wait(control, Control.credit, 0, CREDIT_WAIT_MS)
    Atomics.store(control, Control.working, 1)
  }
  throwIfStopped()
  Atomics.sub(control, Control.credit, 1)
}

const none = new Uint8Array(0)

type RunRequest = WorkerRequest & { kind: 'run' }

const schemaEncoder =
  ({ form }: RunRequest) =>
  (schema: Field) =>
    wireSchemas.encode(schema, form)
const sendSchema = (schema: Uint8Array) => sendReply({ kind: 'schema', schema })

function plan(request: WorkerRequest & { kind: 'plan' }): void {
  const statement = new PreparedStatement(request.connection, request.sql)
  try {
    // DuckDB checks no interrupt while it plans, and reading the schema of many columns takes as long again.
    if (isStopped()) throw new Error('INTERRUPT Error: Interrupted!')
    const parameters = statement.parameterCount > 0
    const parameterSchema = parameters ? encodeSchema(announcedParameters(statement.parameterSchema())) : none
    let schema: WireSchema = { message: none, digest: '' }
    try {
      schema = wireSchemas.encode(statement.schema(), request.form)
    } catch (error) {
      // The schema of `SELECT ?` is known only once its parameters are bound.
      if (!parameters) throw error
    }
    const { message, digest } = schema
    sendReply(
      { kind: 'description', description: { schema: message, digest, type: statement.type, parameterSchema } },
      true,
    )
  } finally {
    statement.close()
  }
}

/** Runs the statement, once for each row of parameters. @returns rows changed */
function run(request: RunRequest): number {
  const statement = new PreparedStatement(request.connection, request.sql)
  try {
    return request.parameters === undefined
      ? runOnce(request, statement)
      : runRows(request, statement, request.parameters)
  } finally {
    statement.close()
  }
}

/**
 * Runs a statement without parameters. Outside a transaction the catalog may change between any two steps, so each step
 * checks the schema again.
 */
function runOnce(request: RunRequest, statement: PreparedStatement): number {
  const announced = new AnnouncedSchema(schemaEncoder(request), request.promised, request.schemaKnown, sendSchema)
  // Check and send it before running: clients and proxies see a slow statement start, and a bad one changes nothing.
  if ((!request.schemaKnown || request.isUpdate) && !announced.checkAndSend(statement.schema()))
    throw new SchemaChangedError()
  return executeAndSend(request, statement, (result) => {
    if (!announced.checkAndSend(result.schema())) throw new SchemaChangedError()
  })
}

/**
 * Runs the statement once for each row of parameters, or with the same effect. The types of the parameters may decide the
 * schema, which must be the same for all rows.
 */
function runRows(request: RunRequest, statement: PreparedStatement, stream: Uint8Array): number {
  const promised = new AnnouncedSchema(schemaEncoder(request), request.promised, true, sendSchema)
  if (request.promised !== undefined && !promised.matches(statement.schema())) throw new SchemaChangedError()
  const announced = new AnnouncedSchema(schemaEncoder(request), undefined, false, sendSchema)
  const insert = request.isUpdate ? plainInsert(request.sql) : undefined
  const parameters = new Parameters(stream, insert && ((i) => statement.parameterType(i)))
  const { rowCount, fields } = parameters
  const isMany = request.isUpdate && rowCount > 1
  if (isMany && insert?.parameterCount === fields.length && parameters.written().every(isAppendable)) {
    allOrNothing(request, () => insertRows(request.connection, insert, parameters, checkpoint))
    announced.checkAndSend(statement.schema())
    sendCounts(request, rowCount, () => 1)
    return rowCount
  }
  const counts: number[] | undefined = isMany ? [] : undefined
  const checkSchema = (result: StreamingResult) => {
    if (announced.checkAndSend(result.schema())) return
    throw new DuckDbError(
      'Invalid Input Error: the rows of parameters give results of different types: cast the parameters',
    )
  }
  let affectedRows = 0
  let isRun = false
  for (const bind of parameters.rows()) {
    const executeRow = () => {
      statement.clearBindings()
      bind(statement.handle)
      affectedRows += executeAndSend(request, statement, checkSchema, counts)
    }
    // An error in the first row has changed nothing yet.
    if (isRun && isMany) allOrNothing(request, executeRow)
    else executeRow()
    isRun = true
  }
  if (!isRun) announced.checkAndSend(schemaOfNulls(request, statement))
  if (counts) sendCounts(request, counts.length, (row) => counts[row]!)
  return affectedRows
}

/** Executes a part of a change. A failure aborts the client's transaction, so that the earlier parts cannot be committed. */
function allOrNothing(request: RunRequest, change: () => void): void {
  try {
    change()
  } catch (error) {
    if (request.inTransaction) abortTransaction(request.connection)
    throw error
  }
}

/** Sends the numbers of changed rows as the result's rows. @throws when the request was stopped */
function sendCounts(request: RunRequest, executionCount: number, countOf: (execution: number) => number): void {
  for (const batch of encodeCounts(executionCount, countOf, request.limits, buffers.allocate)) sendBatch(request, batch)
}

/** Called between parts of a change: counts as progress. @throws when the request was stopped */
function checkpoint(): void {
  throwIfStopped()
  chunks[0]!++
}

/** The result's schema when all parameters are NULL: the schema of an empty result, for a stream without rows of parameters. */
function schemaOfNulls({ isUpdate, parameters = none }: RunRequest, statement: PreparedStatement): Field {
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
 * Executes once, checks or sends the result's schema, and sends the rows.
 * @param counts collects the number of changed rows, in place of sending it as a row
 * @returns rows changed; 0 for a query
 */
function executeAndSend(
  request: RunRequest,
  statement: PreparedStatement,
  checkSchema: (result: StreamingResult) => void,
  counts?: number[],
): number {
  if (counts) checkpoint()
  else throwIfStopped()
  const result = statement.execute(request.isUpdate, chunks)
  try {
    const isCount = request.isUpdate && result.isCount
    if (counts && isCount) {
      if (counts.length === 0) checkSchema(result)
      counts.push(result.rowsChanged)
      return result.rowsChanged
    }
    checkSchema(result)
    let rows = 0
    for (const batch of encodeResult(result, request.limits, buffers.allocate, request.form)) {
      rows += batch.rows
      sendBatch(request, batch)
    }
    if (!request.isUpdate) return 0
    // A statement with RETURNING returns the changed rows, any other at most a single number of them.
    return result.hasRows ? rows : result.rowsChanged
  } finally {
    result.close()
  }
}

/** Sends a batch once there is credit. @throws when the request was stopped */
function sendBatch({ limits }: RunRequest, { header, body, bodyLength, rows }: EncodedBatch): void {
  acquireCredit()
  // A batch far from full is the last, or one of few.
  const more = bodyLength < limits.batchBytes / 4 && rows < limits.batchRows / 4
  sendReply({ kind: 'batch', batch: { header, body: buffers.referenceTo(body), bodyLength, rows } }, more)
}

/** The messages of an upload. Waits for each. @throws when the request was stopped */
function* receiveMessages({ inbox }: WorkerRequest & { kind: 'ingest' }): Generator<IpcMessage> {
  for (;;) {
    const inboxCount = Atomics.load(control, Control.inbox)
    const received = receiveMessageOnPort(inbox) as { message: IpcMessage | null } | undefined
    throwIfStopped()
    if (!received) {
      Atomics.store(control, Control.working, 0)
      Atomics.wait(control, Control.inbox, inboxCount, CREDIT_WAIT_MS)
      Atomics.store(control, Control.working, 1)
    } else if (received.message === null) return
    else {
      yield received.message
      sendReply({ kind: 'consumed' })
    }
  }
}

/** Appends an upload to its table. @returns rows appended */
function runIngest(request: WorkerRequest & { kind: 'ingest' }): number {
  let isStarted = false
  const messages = function* () {
    for (const message of receiveMessages(request)) {
      isStarted = true
      yield message
    }
  }
  try {
    return ingest(request.connection, request.target, decodeSchema(request.schemaMessage), messages())
  } catch (error) {
    if (isStarted && request.inTransaction) abortTransaction(request.connection)
    throw error
  } finally {
    request.inbox.close()
  }
}

/**
 * Whether a change may return rows. Their types may change between prepare and execute, and the resulting error must roll
 * back the change, so it needs a transaction. The row count of other statements always has one type.
 */
function mayReturnRows({ isUpdate, sql }: RunRequest): boolean {
  return isUpdate && returning.test(sql)
}

/** Executes a request with the current schema that it asks for. */
function executeRequest(request: WorkerRequest): Outcome {
  if (request.kind === 'execute' || request.kind === 'ingest' || !request.schemaSwitch) return executeInSchema(request)
  try {
    execute(request.connection, request.schemaSwitch.before)
  } catch (error) {
    return { error, isConnectionBroken: false, affectedRows: -1 }
  }
  const outcome = executeInSchema(request)
  try {
    execute(request.connection, request.schemaSwitch.after)
    return outcome
  } catch {
    return { ...outcome, isConnectionBroken: true }
  }
}

function executeInSchema(request: WorkerRequest): Outcome {
  let affectedRows = -1
  try {
    if (request.kind === 'plan') {
      if (!request.inTransaction && mayBeExpanded(request.connection, request.sql))
        return { ...inReadOnlyTransaction(request.connection, () => plan(request)), affectedRows }
      plan(request)
    } else if (request.kind === 'estimate') {
      const estimate = () => sendReply({ kind: 'estimate', estimate: estimateStatement(request) }, true)
      if (!request.isUpdate) return { ...inReadOnlyTransaction(request.connection, estimate), affectedRows }
      estimate()
    } else if (request.kind === 'execute') for (const sql of request.statements) execute(request.connection, sql)
    else if (request.kind === 'ingest') {
      if (!request.inTransaction) return inTransaction(request.connection, () => runIngest(request))
      affectedRows = runIngest(request)
    } else if (request.inTransaction) affectedRows = run(request)
    else if (request.readOnly) return { ...inReadOnlyTransaction(request.connection, () => run(request)), affectedRows }
    else if (request.parameters || mayReturnRows(request) || mayBeExpanded(request.connection, request.sql))
      return inTransaction(request.connection, () => run(request))
    else affectedRows = run(request)
    return { error: undefined, isConnectionBroken: false, affectedRows }
  } catch (error) {
    return { error, isConnectionBroken: false, affectedRows }
  }
}

port.on('message', (request: WorkerRequest | typeof END) => {
  if (request === END) return port.close()
  Atomics.store(control, Control.working, 1)
  const { error, isConnectionBroken, affectedRows } = executeRequest(request)
  Atomics.store(control, Control.working, 0)
  buffers.freeUnsent()
  const arrow = error instanceof ArrowError && { arrow: error.code }
  const change = error instanceof SchemaChangedError && { isSchemaChange: true }
  const failure = error !== undefined && { message: (error as Error).message, ...arrow, ...change }
  sendReply({ kind: 'done', ...(failure && { error: failure }), isConnectionBroken, affectedRows })
})
