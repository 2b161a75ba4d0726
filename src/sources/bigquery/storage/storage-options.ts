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

/** `true` means TLS. */
const schemes: Readonly<Record<string, boolean>> = {
  'grpc:': false,
  'grpc+tcp:': false,
  'http:': false,
  'grpc+tls:': true,
  'grpcs:': true,
  'https:': true,
}
const pattern = /^(?:([a-z+]+:)\/\/)?(\[[^\]]+\]|[^:/?#@\s]+)(?::(\d{1,5}))?\/?$/i
const TLS_PORT = 443

/**
 * Parses the endpoint of the Storage Read API: `grpc+tls://host:port`, or `host:port` without TLS as emulators print it.
 * @returns undefined if the text is neither
 */
export function parseStorageEndpoint(text: string): UpstreamAddress | undefined {
  const match = pattern.exec(text)
  if (!match) return undefined
  const tls = match[1] === undefined ? false : schemes[match[1].toLowerCase()]
  const port = Number(match[3] ?? (tls ? TLS_PORT : Number.NaN))
  if (tls === undefined || !(port >= 1 && port <= 65_535)) return undefined
  return { host: match[2]!.replace(/^\[|\]$/g, ''), port, tls }
}
