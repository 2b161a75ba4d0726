import { BinaryReader } from '@bufbuild/protobuf/wire'
import { OversizedAnswer } from '../../../grpc/client/failure.ts'

const MAX_ENDPOINTS = 10_000
/** Of all endpoints together. The gateway's ticket contains all of theirs, and clients accept messages of 4 MiB. */
const MAX_ENDPOINT_BYTES = 2 << 20
/** Of the message and its endpoints. A field can be as small as 2 bytes but costs far more to decode. */
const MAX_FIELDS = 100_000

const ENDPOINT = 3
const LENGTH_DELIMITED = 2

/**
 * Checks that a FlightInfo is small enough to decode and keep. It does not check whether it is well-formed.
 * Source: Flight.proto (FlightInfo); https://protobuf.dev/programming-guides/encoding/.
 * @throws OversizedAnswer; Error when it is malformed
 */
export function checkInfo(bytes: Uint8Array): void {
  const reader = new BinaryReader(bytes)
  let endpoints = 0
  let endpointBytes = 0
  let fields = 0
  const skip = (tag: number) => {
    if (++fields > MAX_FIELDS) throw new OversizedAnswer(`a FlightInfo of more than ${MAX_FIELDS} fields`)
    reader.skip(tag & 7, tag >>> 3)
  }
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag >>> 3 !== ENDPOINT || (tag & 7) !== LENGTH_DELIMITED) {
      skip(tag)
      continue
    }
    const length = reader.uint32()
    endpointBytes += length
    if (++endpoints > MAX_ENDPOINTS) throw new OversizedAnswer(`a result in more than ${MAX_ENDPOINTS} parts`)
    if (endpointBytes > MAX_ENDPOINT_BYTES)
      throw new OversizedAnswer(`tickets of more than ${MAX_ENDPOINT_BYTES} bytes together`)
    for (const end = reader.pos + length; reader.pos < end; ) skip(reader.uint32())
  }
}
