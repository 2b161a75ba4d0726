import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { isSealOf, type RowsKey, SEAL_BYTES, writeSeal } from './rows-key.ts'

/** Bytes of rows in one value of Redis, before compression: no command keeps Redis busy for long. */
export const CHUNK_BYTES = 512 * 1024
/** Smaller chunks are not compressed. */
const MIN_COMPRESSED_BYTES = 512
/** Larger than this part of the original, a compressed chunk does not pay. */
const WORTHWHILE = 0.9

/** Flags, the format, and the length of the rows; the seal is before them. */
const HEADER_BYTES = SEAL_BYTES + 6
const IS_COMPRESSED = 1
const IS_LAST = 2

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
const fast = { [constants.ZSTD_c_compressionLevel]: 1 }

/** A part of the packed frames of a result. */
export interface Chunk {
  readonly bytes: Buffer
  /** Whether the rows end here. */
  readonly isLast: boolean
}

/** A chunk as it is stored. */
export interface SealedChunk {
  readonly value: Buffer
  readonly isCompressed: boolean
}

/**
 * A chunk that only who has the key can make or change. Compression runs on another thread.
 * @param name under which it is stored
 * @param mayCompress false if the chunks before were not smaller by it
 */
export async function sealChunk(
  key: RowsKey,
  name: string,
  { bytes, isLast }: Chunk,
  mayCompress: boolean,
): Promise<SealedChunk> {
  const packed =
    mayCompress && bytes.byteLength >= MIN_COMPRESSED_BYTES
      ? await compress(bytes, { params: fast, chunkSize: Math.max(1024, bytes.byteLength) })
      : undefined
  const isCompressed = packed !== undefined && packed.byteLength < bytes.byteLength * WORTHWHILE
  const body = isCompressed ? packed : bytes
  const value = Buffer.allocUnsafe(HEADER_BYTES + body.byteLength)
  value[SEAL_BYTES] = (isCompressed ? IS_COMPRESSED : 0) | (isLast ? IS_LAST : 0)
  value[SEAL_BYTES + 1] = 1
  value.writeUInt32LE(bytes.byteLength, SEAL_BYTES + 2)
  value.set(body, HEADER_BYTES)
  writeSeal(key, name, value, 0)
  return { value, isCompressed }
}

/** The chunk that `sealChunk` has sealed under this name; undefined if the bytes are others. */
export async function openChunk(key: RowsKey, name: string, value: Buffer): Promise<Chunk | undefined> {
  if (value.byteLength < HEADER_BYTES || !isSealOf(key, name, value, 0)) return undefined
  const flags = value[SEAL_BYTES]!
  const byteLength = value.readUInt32LE(SEAL_BYTES + 2)
  const body = value.subarray(HEADER_BYTES)
  const isLast = (flags & IS_LAST) !== 0
  if ((flags & IS_COMPRESSED) === 0) return { bytes: body, isLast }
  const bytes = await decompress(body, { chunkSize: Math.max(1024, byteLength), maxOutputLength: byteLength })
  return bytes.byteLength === byteLength ? { bytes, isLast } : undefined
}
