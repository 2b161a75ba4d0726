import type { UpstreamAddress } from '../../../grpc/client/address.ts'
import type { UpstreamTls } from '../../../grpc/client/channel.ts'

/** Settings of the Storage Read API of a source. */
export interface StorageOptions {
  readonly address: UpstreamAddress
  readonly tls: UpstreamTls
  readonly connectTimeoutMs: number
  /** Time limit of CreateReadSession, in milliseconds. */
  readonly sessionTimeoutMs: number
  /** Time without a message after which a stream that the reader waits for is opened again, in milliseconds. */
  readonly stallTimeoutMs: number
  /** Streams of one result that are read at the same time. */
  readonly maxStreams: number
  /** Bytes of one result that are read ahead of its reader, over all streams. One message may be larger. */
  readonly readAheadBytes: number
}

/** Google's endpoint. Source: `default_host` of BigQueryRead in google/cloud/bigquery/storage/v1/storage.proto. */
export const GOOGLE_STORAGE: UpstreamAddress = { host: 'bigquerystorage.googleapis.com', port: 443, tls: true }

/** Settings of the Storage Read API for which a source has no setting of its own. */
export const storageDefaults: StorageOptions = {
  address: GOOGLE_STORAGE,
  tls: { skipVerify: false },
  connectTimeoutMs: 10_000,
  sessionTimeoutMs: 60_000,
  stallTimeoutMs: 120_000,
  maxStreams: 4,
  readAheadBytes: 16 << 20,
}
