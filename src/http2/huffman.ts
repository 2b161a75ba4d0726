import { ErrorCode, Http2ProtocolError } from './protocol.ts'

/**
 * Bits of the code of each byte, and of the end of a string. The code is canonical: codes of one length follow each other in
 * the order of their bytes, shorter ones first, so that the lengths say all. Source: RFC 7541, appendix B.
 */
// biome-ignore format: rows of sixteen
const codeBits = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
]
const END_OF_STRING = 256
const MAX_PADDING_BITS = 7

/** Two entries a node, for a bit of 0 and of 1: the number of the next node, or minus one minus the byte that ends here. */
const tree: Int16Array = plant()

function plant(): Int16Array {
  const nodes = [0, 0]
  let code = 0
  let length = 0
  const symbols = codeBits.map((bits, symbol) => ({ bits, symbol }))
  for (const { bits, symbol } of symbols.sort((a, b) => a.bits - b.bits || a.symbol - b.symbol)) {
    code *= 2 ** (bits - length)
    length = bits
    let node = 0
    for (let i = bits - 1; i >= 0; i--) {
      const slot = node + ((code >> i) & 1)
      if (i === 0) nodes[slot] = -1 - symbol
      else if (nodes[slot] === 0) {
        nodes[slot] = nodes.length
        nodes.push(0, 0)
      }
      node = nodes[slot]!
    }
    code++
  }
  return Int16Array.from(nodes)
}

/** Decodes a string literal. Source: RFC 7541, section 5.2. @throws Http2ProtocolError */
export function decodeHuffman(bytes: Buffer): string {
  // The shortest code has five bits.
  const out = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / 5))
  let length = 0
  let node = 0
  let pending = 0
  let onlyOnes = true
  for (const byte of bytes) {
    for (let i = 7; i >= 0; i--) {
      const bit = (byte >> i) & 1
      pending++
      if (bit === 0) onlyOnes = false
      const next = tree[node + bit]!
      if (next >= 0) {
        node = next
        continue
      }
      if (next === -1 - END_OF_STRING) throw malformed()
      out[length++] = -1 - next
      node = 0
      pending = 0
      onlyOnes = true
    }
  }
  if (pending > MAX_PADDING_BITS || !onlyOnes) throw malformed()
  return out.toString('latin1', 0, length)
}

function malformed(): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.compressionError, 'a header field is not Huffman code')
}
