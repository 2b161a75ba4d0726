import { createGunzip } from 'node:zlib'
import { GatewayError } from '../../../query/errors.ts'

const CHUNK_BYTES = 16 << 10
const LARGE_CHUNK_BYTES = 64 << 10

/**
 * Decompresses a message (gzip only) on libuv's thread pool, chunk by chunk, so that a decompression bomb ends at the first
 * chunk above the limit.
 * @param keep called with the length of each chunk; an exception ends the decompression
 * @throws GatewayError UNIMPLEMENTED, TOO_LARGE or BAD_REQUEST; the exception of `keep`
 */
export function decompress(
  bytes: Buffer,
  encoding: string,
  maxBytes: number,
  keep: (bytes: number) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (encoding !== 'gzip')
      throw new GatewayError('UNIMPLEMENTED', 'Messages may be compressed with gzip only (grpc-accept-encoding).')
    const gunzip = createGunzip({ chunkSize: bytes.length < CHUNK_BYTES ? CHUNK_BYTES : LARGE_CHUNK_BYTES })
    const pieces: Buffer[] = []
    let byteLength = 0
    const fail = (error: unknown) => {
      reject(error)
      gunzip.destroy()
    }
    gunzip.on('data', (piece: Buffer) => {
      if (gunzip.destroyed) return
      byteLength += piece.length
      try {
        if (byteLength > maxBytes)
          throw new GatewayError('TOO_LARGE', `The decompressed message exceeds ${maxBytes} bytes.`)
        keep(piece.length)
        pieces.push(piece)
      } catch (error) {
        fail(error)
      }
    })
    gunzip.on('error', (cause) =>
      reject(new GatewayError('BAD_REQUEST', 'The compressed message cannot be decompressed.', { cause })),
    )
    gunzip.on('end', () => resolve(Buffer.concat(pieces, byteLength)))
    gunzip.end(bytes)
  })
}
