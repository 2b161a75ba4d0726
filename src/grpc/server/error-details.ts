import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire'
import { type GatewayError, GrpcStatus } from '../../query/errors.ts'

const TYPE_PREFIX = 'type.googleapis.com/google.rpc.'
const DOMAIN = 'flightgate'
/** Limit of the message in the details: they are sent beside `grpc-message`, and both must fit the clients' header limit. */
const MAX_MESSAGE_CHARACTERS = 500

const bytes = (number: number) => number * 8 + 2
const varint = (number: number) => number * 8

/**
 * Encodes an error as `google.rpc.Status` for `grpc-status-details-bin`, with ErrorInfo (reason, position in the SQL),
 * RequestInfo, RetryInfo, and QuotaFailure where the error names an account.
 * Source: https://grpc.io/docs/guides/error/ (richer error model); google/rpc/{status,error_details}.proto.
 * @param engineDetails base64 of the engine's `google.rpc.Status`, whose details are appended
 */
export function errorDetails(error: GatewayError, requestId: string, engineDetails?: string): Uint8Array {
  const writer = new BinaryWriter()
  writer.uint32(varint(1)).int32(GrpcStatus[error.grpc])
  writer.uint32(bytes(2)).string(cut(error.message))
  writer.uint32(bytes(3)).bytes(packed('ErrorInfo', errorInfo(error)))
  writer.uint32(bytes(3)).bytes(packed('RequestInfo', new BinaryWriter().uint32(bytes(1)).string(requestId).finish()))
  const account = error.details?.['account']
  if (account !== undefined) writer.uint32(bytes(3)).bytes(packed('QuotaFailure', quotaFailure(account, error.message)))
  if (error.retryAfterMs !== undefined)
    writer.uint32(bytes(3)).bytes(packed('RetryInfo', retryInfo(error.retryAfterMs)))
  if (engineDetails !== undefined)
    for (const detail of detailsIn(Buffer.from(engineDetails, 'base64'))) writer.uint32(bytes(3)).bytes(detail)
  return writer.finish()
}

/** Reads the details of a `google.rpc.Status`; none if it is malformed. */
function detailsIn(status: Uint8Array): Uint8Array[] {
  const details: Uint8Array[] = []
  try {
    const reader = new BinaryReader(status)
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      if (tag === bytes(3)) details.push(reader.bytes())
      else reader.skip(tag & 7)
    }
  } catch {
    return []
  }
  return details
}

function errorInfo({ code, position, details }: GatewayError): Uint8Array {
  const writer = new BinaryWriter().uint32(bytes(1)).string(code).uint32(bytes(2)).string(DOMAIN)
  for (const [key, value] of Object.entries({ ...position, ...details })) {
    const entry = new BinaryWriter().uint32(bytes(1)).string(key).uint32(bytes(2)).string(String(value)).finish()
    writer.uint32(bytes(3)).bytes(entry)
  }
  return writer.finish()
}

function quotaFailure(subject: string, description: string): Uint8Array {
  const violation = new BinaryWriter()
    .uint32(bytes(1))
    .string(subject)
    .uint32(bytes(2))
    .string(cut(description))
    .finish()
  return new BinaryWriter().uint32(bytes(1)).bytes(violation).finish()
}

function retryInfo(retryAfterMs: number): Uint8Array {
  const seconds = Math.floor(retryAfterMs / 1000)
  const delay = new BinaryWriter()
    .uint32(varint(1))
    .int64(seconds)
    .uint32(varint(2))
    .int32(Math.round((retryAfterMs - seconds * 1000) * 1e6))
    .finish()
  return new BinaryWriter().uint32(bytes(1)).bytes(delay).finish()
}

function packed(type: string, message: Uint8Array): Uint8Array {
  return new BinaryWriter()
    .uint32(bytes(1))
    .string(TYPE_PREFIX + type)
    .uint32(bytes(2))
    .bytes(message)
    .finish()
}

function cut(message: string): string {
  return message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)}...` : message
}
