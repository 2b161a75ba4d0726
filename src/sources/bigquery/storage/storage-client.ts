import { CreateReadSessionRequest, ReadRowsRequest } from '../../../../gen/google/cloud/bigquery/storage/v1/storage.ts'
import { ReadSession } from '../../../../gen/google/cloud/bigquery/storage/v1/stream.ts'
import type { UpstreamCall } from '../../../grpc/client/call.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { Attempts } from './retry.ts'
import { StorageChannels } from './storage-channels.ts'
import type { StorageOptions } from './storage-options.ts'

const SERVICE = '/google.cloud.bigquery.storage.v1.BigQueryRead/'
/** Limit of a session: the names of up to 1000 streams, and the schema. */
const MAX_SESSION_BYTES = 16 << 20

/**
 * Headers that authenticate a call, such as `authorization` and `x-goog-user-project`; none for an endpoint without login.
 * @param isRefused whether the server has just refused the last ones
 */
export type CallCredentials = (isRefused: boolean, signal: AbortSignal) => Promise<Readonly<Record<string, string>>>

/** Bounds of a call. */
export interface StorageBounds {
  readonly signal: AbortSignal
  /** Unix time in milliseconds. */
  readonly deadlineAt: number
}

/** The two calls of the Storage Read API that read tables. */
export class StorageClient {
  readonly options: StorageOptions
  /** Name of the source, for errors. */
  readonly source: string
  readonly #channels: StorageChannels
  readonly #credentials: CallCredentials

  constructor(source: string, options: StorageOptions, credentials: CallCredentials) {
    this.source = source
    this.options = options
    this.#channels = new StorageChannels(options)
    this.#credentials = credentials
  }

  /** Number of open connections. */
  get connections(): number {
    return this.#channels.size
  }

  /** Creates a read session; repeats the call when it fails in passing. @throws GrpcFailure, or the signal's reason */
  async createReadSession(request: CreateReadSessionRequest, bounds: StorageBounds): Promise<ReadSession> {
    const params = `read_session.table=${encodeURIComponent(request.readSession!.table)}`
    const message = CreateReadSessionRequest.encode(request).finish()
    const attempts = new Attempts()
    for (;;) {
      try {
        const deadlineAt = Math.min(bounds.deadlineAt, Date.now() + this.options.sessionTimeoutMs)
        return await this.#authenticated(bounds.signal, async (credentials) => {
          const call = await this.#start('CreateReadSession', params, message, credentials, { ...bounds, deadlineAt })
          const [answer] = await call.collect(MAX_SESSION_BYTES)
          if (!answer) throw new GrpcFailure('DATA_LOSS', 'CreateReadSession returned no session', 'local')
          return decodeSession(answer)
        })
      } catch (error) {
        await attempts.next(error, bounds.signal)
      }
    }
  }

  /** Starts to read a stream from a row on. @throws GrpcFailure, or the signal's reason */
  async readRows(stream: string, offset: number, isRefused: boolean, bounds: StorageBounds): Promise<UpstreamCall> {
    const params = `read_stream=${encodeURIComponent(stream)}`
    const request = { readStream: stream, offset: BigInt(offset), arrowSerializationOptions: undefined }
    const credentials = await this.#credentials(isRefused, bounds.signal)
    return await this.#start('ReadRows', params, ReadRowsRequest.encode(request).finish(), credentials, bounds)
  }

  close(): void {
    this.#channels.close()
  }

  /** Makes a call, and once more with new credentials if the server refuses them. */
  async #authenticated<T>(
    signal: AbortSignal,
    call: (credentials: Readonly<Record<string, string>>) => Promise<T>,
  ): Promise<T> {
    try {
      return await call(await this.#credentials(false, signal))
    } catch (error) {
      if (!isRefusedLogin(error)) throw error
      return await call(await this.#credentials(true, signal))
    }
  }

  /** BigQuery refuses calls without `x-goog-request-params`. Source: https://google.aip.dev/client-libraries/4222. */
  async #start(
    method: string,
    params: string,
    message: Uint8Array,
    credentials: Readonly<Record<string, string>>,
    { signal, deadlineAt }: StorageBounds,
  ): Promise<UpstreamCall> {
    const channel = await this.#channels.take(signal)
    const headers = { ...credentials, 'x-goog-request-params': params }
    return channel.start(SERVICE + method, [message], { headers, signal, deadlineAt })
  }
}

/** Whether the server refused the credentials of a call. */
export function isRefusedLogin(error: unknown): boolean {
  return error instanceof GrpcFailure && error.origin === 'upstream' && error.status === 'UNAUTHENTICATED'
}

function decodeSession(bytes: Uint8Array): ReadSession {
  try {
    return ReadSession.decode(bytes)
  } catch (error) {
    throw new GrpcFailure('DATA_LOSS', 'the answer to CreateReadSession is malformed', 'local', { cause: error })
  }
}
