import { ArrowError } from '../errors.ts'

const MAGIC = 0x184d2204
const VERSION_MASK = 0xc0
const VERSION_1 = 0x40
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const DICTIONARY_ID = 0x01
const UNCOMPRESSED_BLOCK = 0x8000_0000
const MIN_MATCH = 4

/**
 * Decompresses an LZ4 frame into `target`, which it must fill exactly. Yields the number of bytes written after each block.
 * It does not verify checksums, since the transport has its own.
 * Source: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md.
 * @throws ArrowError MALFORMED, UNSUPPORTED
 */
export function* decompressLz4(frame: Buffer, target: Buffer): Generator<number, void, undefined> {
  if (frame.length < 7 || frame.readUInt32LE(0) !== MAGIC) throw malformed()
  const flags = frame[4]!
  if ((flags & VERSION_MASK) !== VERSION_1) throw new ArrowError('UNSUPPORTED', 'The LZ4 frame has an unknown version.')
  if (flags & DICTIONARY_ID) throw new ArrowError('UNSUPPORTED', 'The LZ4 frame needs a dictionary.')
  // Magic, flags and block descriptor; the content size, if present; the header checksum.
  let at = 6 + (flags & CONTENT_SIZE ? 8 : 0) + 1
  let to = 0
  for (;;) {
    if (at + 4 > frame.length) throw malformed()
    const size = frame.readUInt32LE(at)
    at += 4
    if (size === 0) break
    const length = size % UNCOMPRESSED_BLOCK
    if (at + length > frame.length) throw malformed()
    if (size >= UNCOMPRESSED_BLOCK) {
      if (to + length > target.length) throw malformed()
      frame.copy(target, to, at, at + length)
      to += length
    } else to = decompressBlock(frame, at, at + length, target, to)
    at += length + (flags & BLOCK_CHECKSUM ? 4 : 0)
    yield to
  }
  if (to !== target.length) throw malformed()
}

/** Decompresses one block to `start` in `target`, where matches may refer to earlier blocks. @returns end of the block */
function decompressBlock(source: Buffer, from: number, end: number, target: Buffer, start: number): number {
  let at = from
  let to = start
  /** Adds the extra length bytes: each byte of 255 is followed by another. */
  const extended = (length: number): number => {
    let sum = length
    for (let byte = 255; byte === 255; ) {
      if (at >= end) throw malformed()
      byte = source[at++]!
      sum += byte
    }
    return sum
  }
  while (at < end) {
    const token = source[at++]!
    let literals = token >> 4
    if (literals === 15) literals = extended(literals)
    if (at + literals > end || to + literals > target.length) throw malformed()
    source.copy(target, to, at, at + literals)
    at += literals
    to += literals
    // The last sequence has literals only.
    if (at === end) return to
    if (at + 2 > end) throw malformed()
    const distance = source[at]! | (source[at + 1]! << 8)
    at += 2
    let length = token & 15
    if (length === 15) length = extended(length)
    length += MIN_MATCH
    const match = to - distance
    if (distance === 0 || match < 0 || to + length > target.length) throw malformed()
    if (distance >= length) target.copyWithin(to, match, match + length)
    // The match overlaps its own output: copy byte by byte.
    else for (let i = 0; i < length; i++) target[to + i] = target[match + i]!
    to += length
  }
  throw malformed()
}

function malformed(): ArrowError {
  return new ArrowError('MALFORMED', 'A compressed buffer is malformed.')
}
