import { createGunzip } from 'node:zlib'
import { GatewayError } from '../../../query/errors.ts'

const CHUNK_BYTES = 16 << 10
const LARGE_CHUNK_BYTES = 64 << 10

/**
 * Undoes the compression of a message, on a thread of its own and piece by piece, so that a small bomb ends at the first piece
 * too many. Only gzip is known.
 * @param keep told the bytes of each piece; what it throws ends the work
 * @throws GatewayError UNIMPLEMENTED, TOO_LARGE or BAD_REQUEST; whatever `keep` throws
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
          throw new GatewayError('TOO_LARGE', `The decompressed message is above ${maxBytes} bytes.`)
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
