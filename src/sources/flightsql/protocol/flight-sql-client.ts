import {
  Action,
  FlightData,
  FlightDescriptor,
  FlightInfo,
  PutResult,
  Result,
  SchemaResult,
  Ticket,
} from '../../../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionBeginSavepointRequest,
  ActionBeginSavepointResult,
  ActionBeginTransactionRequest,
  ActionBeginTransactionResult,
  ActionClosePreparedStatementRequest,
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  ActionEndSavepointRequest,
  ActionEndTransactionRequest,
  CommandPreparedStatementQuery,
  CommandPreparedStatementUpdate,
  CommandStatementQuery,
  CommandStatementUpdate,
  DoPutPreparedStatementResult,
  DoPutUpdateResult,
  ActionEndSavepointRequest_EndSavepoint as EndSavepoint,
  ActionEndTransactionRequest_EndTransaction as EndTransaction,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import type { Frame } from '../../../arrow/ipc/frame.ts'
import { readStream } from '../../../arrow/ipc/ipc.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import type { HeaderFields } from '../../../http2/index.ts'
import { checkSchema } from '../results/upstream-schema.ts'
import { descriptorOf, pack, rawDescriptor, unpack } from './commands.ts'
import type { CallBounds, Connection } from './connection.ts'
import { checkInfo } from './info-bounds.ts'

const none = new Uint8Array(0)

/** A part of a result: its ticket, and the locations that can redeem it. */
export interface UpstreamEndpoint {
  /** As DoGet takes it: an encoded `Ticket`. */
  readonly ticket: Uint8Array
  /** URIs that all serve the same rows. None means the connection that returned the endpoint. */
  readonly locations: readonly string[]
}

/** The FlightInfo of a result. */
export interface UpstreamInfo {
  /** Bare flatbuffer `Message`; empty when the upstream does not state it. */
  readonly schema: Uint8Array
  /** The parts of the result, in order. */
  readonly endpoints: readonly UpstreamEndpoint[]
  /** Application metadata of the FlightInfo, and of its endpoint if it has exactly one; empty for none. */
  readonly appMetadata: Uint8Array
  readonly endpointMetadata: Uint8Array
  /** Rows of the result; -1 if the upstream does not know, and often 0. */
  readonly totalRecords: number
  /** Headers of the response. */
  readonly headers: HeaderFields
}

/** A statement that the upstream has prepared. */
export interface UpstreamPrepared {
  readonly handle: Uint8Array
  /** Bare flatbuffer messages; empty when there is none. */
  readonly schema: Uint8Array
  readonly parameterSchema: Uint8Array
}

const CLOSE_TIMEOUT_MS = 5000

/**
 * The Flight SQL calls on one connection to an upstream.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html.
 */
export class UpstreamFlight {
  readonly #connection: Connection
  readonly #bounds: CallBounds
  readonly #transactionId: Uint8Array | undefined

  constructor(connection: Connection, bounds: CallBounds, transactionId?: Uint8Array) {
    this.#connection = connection
    this.#bounds = bounds
    this.#transactionId = transactionId
  }

  /** Plans a statement. @throws GrpcFailure, or the signal's reason; so do all other methods */
  async query(sql: string): Promise<UpstreamInfo> {
    const value = CommandStatementQuery.encode({ query: sql, transactionId: this.#transactionId }).finish()
    return await this.info('CommandStatementQuery', value)
  }

  /** GetFlightInfo for any Flight SQL command. */
  async info(name: string, value: Uint8Array): Promise<UpstreamInfo> {
    return await this.#info(descriptorOf(name, value))
  }

  /** GetFlightInfo for raw command bytes. */
  async rawInfo(cmd: Uint8Array): Promise<UpstreamInfo> {
    return await this.#info(rawDescriptor(cmd))
  }

  async #info(descriptor: Uint8Array): Promise<UpstreamInfo> {
    let headers: HeaderFields = {}
    const onHeaders = (given: HeaderFields) => {
      headers = given
    }
    const answer = await this.#connection.unary('GetFlightInfo', descriptor, { ...this.#bounds, onHeaders })
    const info = decode(boundedInfo, answer)
    const endpoints = info.endpoint.map(({ ticket, location }) => ({
      ticket: Ticket.encode(ticket ?? { ticket: none }).finish(),
      locations: location.map(({ uri }) => uri),
    }))
    return {
      schema: bareSchema(info.schema),
      endpoints,
      appMetadata: info.appMetadata,
      endpointMetadata: info.endpoint.length === 1 ? info.endpoint[0]!.appMetadata : none,
      totalRecords: Number(info.totalRecords),
      headers,
    }
  }

  /** GetSchema: the schema of a statement's result as a bare flatbuffer `Message`. */
  async schema(sql: string): Promise<Uint8Array> {
    const value = CommandStatementQuery.encode({ query: sql, transactionId: this.#transactionId }).finish()
    const answer = await this.#connection.unary('GetSchema', descriptorOf('CommandStatementQuery', value), this.#bounds)
    return bareSchema(decode(SchemaResult, answer).schema)
  }

  /** Runs a statement that changes data. Returns the number of changed rows, -1 if the upstream does not know. */
  async update(sql: string): Promise<number> {
    const value = CommandStatementUpdate.encode({ query: sql, transactionId: this.#transactionId }).finish()
    return await this.#put('CommandStatementUpdate', value)
  }

  async prepare(sql: string): Promise<UpstreamPrepared> {
    const request = ActionCreatePreparedStatementRequest.encode({
      query: sql,
      transactionId: this.#transactionId,
    }).finish()
    const body = await this.#act('CreatePreparedStatement', pack('ActionCreatePreparedStatementRequest', request))
    const result = decode(ActionCreatePreparedStatementResult, unpack(body))
    return {
      handle: result.preparedStatementHandle,
      schema: bareSchema(result.datasetSchema),
      parameterSchema: bareSchema(result.parameterSchema),
    }
  }

  /** Binds rows of parameters, an IPC stream. Returns the handle to use from then on. */
  async bind(handle: Uint8Array, parameters: Uint8Array): Promise<Uint8Array> {
    const value = CommandPreparedStatementQuery.encode({ preparedStatementHandle: handle }).finish()
    const [answer] = await this.#connection.collect(
      'DoPut',
      upload('CommandPreparedStatementQuery', value, parameters),
      this.#bounds,
    )
    if (!answer) return handle
    const { preparedStatementHandle } = decode(DoPutPreparedStatementResult, decode(PutResult, answer).appMetadata)
    return preparedStatementHandle?.byteLength ? preparedStatementHandle : handle
  }

  async preparedInfo(handle: Uint8Array): Promise<UpstreamInfo> {
    const value = CommandPreparedStatementQuery.encode({ preparedStatementHandle: handle }).finish()
    return await this.info('CommandPreparedStatementQuery', value)
  }

  async preparedUpdate(handle: Uint8Array, parameters: Uint8Array): Promise<number> {
    const value = CommandPreparedStatementUpdate.encode({ preparedStatementHandle: handle }).finish()
    return await this.#put('CommandPreparedStatementUpdate', value, parameters)
  }

  /** Closes a prepared statement. It ignores the client's cancellation, because nothing else closes the statement. */
  async closePrepared(handle: Uint8Array): Promise<void> {
    const request = ActionClosePreparedStatementRequest.encode({ preparedStatementHandle: handle }).finish()
    const bounds = { ...this.#bounds, signal: new AbortController().signal, deadlineAt: Date.now() + CLOSE_TIMEOUT_MS }
    await this.#actWithoutResult('ClosePreparedStatement', pack('ActionClosePreparedStatementRequest', request), bounds)
  }

  /** Uploads rows into a table. Returns their number, -1 if the upstream does not know. */
  async ingest(frames: AsyncIterable<Frame>): Promise<number> {
    return changedRows(await this.#connection.upload('DoPut', frames, this.#bounds))
  }

  /** Begins a transaction. Returns its id. */
  async beginTransaction(): Promise<Uint8Array> {
    const request = ActionBeginTransactionRequest.encode({}).finish()
    const body = await this.#act('BeginTransaction', pack('ActionBeginTransactionRequest', request))
    return decode(ActionBeginTransactionResult, unpack(body)).transactionId
  }

  async endTransaction(transactionId: Uint8Array, action: 'commit' | 'rollback'): Promise<void> {
    const { END_TRANSACTION_COMMIT, END_TRANSACTION_ROLLBACK } = EndTransaction
    const request = ActionEndTransactionRequest.encode({
      transactionId,
      action: action === 'commit' ? END_TRANSACTION_COMMIT : END_TRANSACTION_ROLLBACK,
    }).finish()
    await this.#actWithoutResult('EndTransaction', pack('ActionEndTransactionRequest', request))
  }

  /** Begins a savepoint in the transaction. Returns its id. */
  async beginSavepoint(name: string): Promise<Uint8Array> {
    const request = ActionBeginSavepointRequest.encode({ transactionId: this.#transactionId ?? none, name }).finish()
    const body = await this.#act('BeginSavepoint', pack('ActionBeginSavepointRequest', request))
    return decode(ActionBeginSavepointResult, unpack(body)).savepointId
  }

  async endSavepoint(savepointId: Uint8Array, action: 'release' | 'rollback'): Promise<void> {
    const { END_SAVEPOINT_RELEASE, END_SAVEPOINT_ROLLBACK } = EndSavepoint
    const request = ActionEndSavepointRequest.encode({
      savepointId,
      action: action === 'release' ? END_SAVEPOINT_RELEASE : END_SAVEPOINT_ROLLBACK,
    }).finish()
    await this.#actWithoutResult('EndSavepoint', pack('ActionEndSavepointRequest', request))
  }

  /** Runs an action that returns no result. */
  async #actWithoutResult(type: string, body: Uint8Array, bounds = this.#bounds): Promise<void> {
    await this.#connection.collect('DoAction', [Action.encode({ type, body }).finish()], bounds)
  }

  async #act(type: string, body: Uint8Array): Promise<Uint8Array> {
    const [answer] = await this.#connection.collect('DoAction', [Action.encode({ type, body }).finish()], this.#bounds)
    if (!answer) throw new GrpcFailure('DATA_LOSS', `the action ${type} returned no result`, 'local')
    return decode(Result, answer).body
  }

  async #put(name: string, value: Uint8Array, parameters?: Uint8Array): Promise<number> {
    return changedRows(await this.#connection.collect('DoPut', upload(name, value, parameters), this.#bounds))
  }
}

function changedRows([answer]: readonly Uint8Array[]): number {
  if (!answer) return -1
  return Number(decode(DoPutUpdateResult, decode(PutResult, answer).appMetadata).recordCount)
}

/** Encodes the messages of an upload. The first one carries the command. */
function upload(name: string, value: Uint8Array, parameters: Uint8Array = none): Uint8Array[] {
  const flightDescriptor = FlightDescriptor.decode(descriptorOf(name, value))
  const messages = [...readStream(parameters)]
  if (messages.length === 0) messages.push({ header: none, body: none })
  return messages.map(({ header, body }, i) =>
    FlightData.encode({
      flightDescriptor: i === 0 ? flightDescriptor : undefined,
      dataHeader: header,
      appMetadata: none,
      dataBody: body,
    }).finish(),
  )
}

const PREFIX_BYTES = 8

/**
 * The bare `Message` inside an encapsulated schema; empty if there is none. Old servers omit the continuation marker.
 * @throws GrpcFailure DATA_LOSS when the schema is truncated or malformed
 */
export function bareSchema(encapsulated: Uint8Array): Uint8Array {
  if (encapsulated.byteLength < PREFIX_BYTES) return none
  const bytes = Buffer.from(encapsulated.buffer, encapsulated.byteOffset, encapsulated.byteLength)
  const marked = bytes.readUInt32LE(0) === 0xffffffff
  const length = bytes.readUInt32LE(marked ? 4 : 0)
  const from = marked ? PREFIX_BYTES : PREFIX_BYTES / 2
  if (from + length > bytes.length) throw new GrpcFailure('DATA_LOSS', 'a schema is truncated', 'local')
  const schema = Uint8Array.from(bytes.subarray(from, from + length))
  if (length > 0) checkSchema(schema)
  return schema
}

const boundedInfo = {
  decode(bytes: Uint8Array): FlightInfo {
    checkInfo(bytes)
    return FlightInfo.decode(bytes)
  },
}

/** Decodes a protobuf message of the upstream. @throws GrpcFailure DATA_LOSS; OversizedAnswer */
export function decode<T>(type: { decode(bytes: Uint8Array): T }, bytes: Uint8Array): T {
  try {
    return type.decode(bytes)
  } catch (cause) {
    if (cause instanceof GrpcFailure) throw cause
    throw new GrpcFailure('DATA_LOSS', 'a message is malformed', 'local', { cause })
  }
}
