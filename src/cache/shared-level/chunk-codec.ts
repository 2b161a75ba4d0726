import { promisify } from 'node:util'
import { constants, crc32, zstdCompress, zstdDecompress } from 'node:zlib'

/** Bytes of rows in one value of Redis, before compression: no command keeps Redis busy for long. */
export const CHUNK_BYTES = 512 * 1024
/** Smaller chunks are not compressed. */
const MIN_COMPRESSED_BYTES = 512
/** Larger than this part of the original, a compressed chunk does not pay. */
const WORTHWHILE = 0.9

const HEADER_BYTES = 10
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
 * A chunk with a checksum over its name and content. Compression runs on another thread.
 * @param name under which it is stored
 * @param mayCompress false if the chunks before were not smaller by it
 */
export async function sealChunk(name: string, { bytes, isLast }: Chunk, mayCompress: boolean): Promise<SealedChunk> {
  const packed =
    mayCompress && bytes.byteLength >= MIN_COMPRESSED_BYTES
      ? await compress(bytes, { params: fast, chunkSize: Math.max(1024, bytes.byteLength) })
      : undefined
  const isCompressed = packed !== undefined && packed.byteLength < bytes.byteLength * WORTHWHILE
  const body = isCompressed ? packed : bytes
  const value = Buffer.allocUnsafe(HEADER_BYTES + body.byteLength)
  value[4] = (isCompressed ? IS_COMPRESSED : 0) | (isLast ? IS_LAST : 0)
  value[5] = 1
  value.writeUInt32LE(bytes.byteLength, 6)
  value.set(body, HEADER_BYTES)
  value.writeUInt32LE(checksumOf(name, value), 0)
  return { value, isCompressed }
}

/** The chunk that `sealChunk` has sealed under this name; undefined if the bytes are others. */
export async function openChunk(name: string, value: Buffer): Promise<Chunk | undefined> {
  if (value.byteLength < HEADER_BYTES || value.readUInt32LE(0) !== checksumOf(name, value)) return undefined
  const flags = value[4]!
  const byteLength = value.readUInt32LE(6)
  const body = value.subarray(HEADER_BYTES)
  const isLast = (flags & IS_LAST) !== 0
  if ((flags & IS_COMPRESSED) === 0) return { bytes: body, isLast }
  const bytes = await decompress(body, { chunkSize: Math.max(1024, byteLength), maxOutputLength: byteLength })
  return bytes.byteLength === byteLength ? { bytes, isLast } : undefined
}

function checksumOf(name: string, value: Buffer): number {
  return crc32(value.subarray(4), crc32(name))
}
