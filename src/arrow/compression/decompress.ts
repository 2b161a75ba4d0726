import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { type BatchLayout, encodeDictionaryBatch, encodeRecordBatch } from '../batches/batch.ts'
import { ArrowError } from '../errors.ts'
import { readCompressedDictionary, readCompressedLayout, readHeader } from '../ipc/header.ts'
import type { IpcMessage } from '../ipc/ipc.ts'
import { decompressLz4 } from './lz4-frame.ts'

/** Compression codecs of a batch's buffers. Source: Message.fbs, `CompressionType`. */
export const Codec = { lz4Frame: 0, zstd: 1 } as const

/** Prefix of each buffer: its uncompressed length, or -1 if it is not compressed. */
const PREFIX_BYTES = 8
const MAX_DECOMPRESSED_BYTES = 2 ** 30
/** Decompressed bytes between two yields to the event loop. */
const TURN_BYTES = 1 << 20

const unzstd = promisify(zstdDecompress)

/**
 * Decompresses a record batch.
 * Source: https://arrow.apache.org/docs/format/Columnar.html#compression.
 * @param layout layout of the compressed buffers in `body`
 * @throws ArrowError MALFORMED, UNSUPPORTED for an unknown codec
 */
export async function decompressBatch(layout: BatchLayout, codec: number, body: Uint8Array): Promise<IpcMessage> {
  const plain = await decompressBody(layout, codec, body)
  return { header: encodeRecordBatch(plain.layout), body: plain.body }
}

/**
 * Decompresses a record batch or dictionary batch; returns other messages unchanged.
 * @throws ArrowError as `decompressBatch`
 */
export async function withoutCompression({ header, body }: IpcMessage): Promise<IpcMessage> {
  const { kind } = readHeader(header)
  if (kind === 'schema') return { header, body }
  if (kind === 'batch') {
    const { layout, codec } = readCompressedLayout(header)
    return codec === undefined ? { header, body } : await decompressBatch(layout, codec, body)
  }
  const { id, isDelta, layout, codec } = readCompressedDictionary(header)
  if (codec === undefined) return { header, body }
  const plain = await decompressBody(layout, codec, body)
  return { header: encodeDictionaryBatch(id, plain.layout, isDelta), body: plain.body }
}

async function decompressBody(
  layout: BatchLayout,
  codec: number,
  body: Uint8Array,
): Promise<{ readonly layout: BatchLayout; readonly body: Buffer }> {
  const source = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const parts = partsOf(layout, source)
  const buffers: number[] = []
  let at = 0
  for (const { byteLength } of parts) {
    buffers.push(at, byteLength)
    at = (at + byteLength + 7) & ~7
    if (at > MAX_DECOMPRESSED_BYTES) throw new ArrowError('MALFORMED', 'The compressed batch is too large.')
  }
  const target = Buffer.alloc(at)
  for (const [i, part] of parts.entries()) {
    const into = target.subarray(buffers[2 * i]!, buffers[2 * i]! + part.byteLength)
    if (part.plain) part.bytes.copy(into)
    else await decompress(codec, part.bytes, into)
  }
  const { rows, nodes, variadicCounts } = layout
  const plain = { rows, nodes, buffers, bodyLength: at, ...(variadicCounts && { variadicCounts }) }
  return { layout: plain, body: target }
}

interface Part {
  readonly bytes: Buffer
  readonly plain: boolean
  /** Uncompressed length. */
  readonly byteLength: number
}

function partsOf({ buffers }: BatchLayout, body: Buffer): Part[] {
  const parts: Part[] = []
  for (let i = 0; i < buffers.length; i += 2) {
    const bytes = body.subarray(buffers[i], buffers[i]! + buffers[i + 1]!)
    if (bytes.length === 0) {
      parts.push({ bytes, plain: true, byteLength: 0 })
      continue
    }
    if (bytes.length < PREFIX_BYTES) throw new ArrowError('MALFORMED', 'A compressed buffer is too short.')
    const length = Number(bytes.readBigInt64LE(0))
    const rest = bytes.subarray(PREFIX_BYTES)
    if (length < -1 || length > MAX_DECOMPRESSED_BYTES)
      throw new ArrowError('MALFORMED', 'A compressed buffer has an invalid length.')
    parts.push({ bytes: rest, plain: length === -1, byteLength: length === -1 ? rest.length : length })
  }
  return parts
}

async function decompress(codec: number, bytes: Buffer, into: Buffer): Promise<void> {
  if (codec === Codec.lz4Frame) {
    let turnAt = TURN_BYTES
    for (const done of decompressLz4(bytes, into))
      if (done >= turnAt) {
        turnAt = done + TURN_BYTES
        await nextTurn()
      }
    return
  }
  if (codec !== Codec.zstd) throw new ArrowError('UNSUPPORTED', 'The batch has an unknown compression codec.')
  let plain: Buffer
  try {
    plain = await unzstd(bytes, { maxOutputLength: Math.max(1, into.length) })
  } catch {
    throw new ArrowError('MALFORMED', 'A compressed buffer is malformed.')
  }
  if (plain.length !== into.length)
    throw new ArrowError('MALFORMED', 'A compressed buffer differs from its announced length.')
  plain.copy(into)
}
