import { ErrorCode, Http2ProtocolError } from '../protocol.ts'

/**
 * Code length of each byte and of the end-of-string symbol, in bits. The code is canonical (shorter codes first, codes of one
 * length in the order of their bytes), so the lengths define it. Source: RFC 7541, appendix B.
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
const MIN_CODE_BITS = 5

/**
 * State machine over 4 bits at a time. For each node of the code tree and each 4-bit value, it holds the next node and the byte
 * completed on the way, if any. There is at most one, since the shortest code has 5 bits.
 */
const NEXT_NODE = 0xff
const SYMBOL_SHIFT = 8
const HAS_SYMBOL = 1 << 16
const IS_WRONG = 1 << 17
const machine: Int32Array = buildMachine()
/** Nodes at which a string may end: up to 7 bits of the end-of-string code (all ones) pad the last byte. */
const isEnd: Uint8Array = findEnds()

/** Two entries per node, for bits 0 and 1: the offset of the next node, or -1 - symbol for a leaf. */
function buildTree(): number[] {
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
  return nodes
}

function buildMachine(): Int32Array {
  const nodes = buildTree()
  const steps = new Int32Array(nodes.length << 3)
  for (let start = 0; start < nodes.length; start += 2)
    for (let bits = 0; bits < 16; bits++) {
      let node = start
      let step = 0
      for (let i = 3; i >= 0; i--) {
        const next = nodes[node + ((bits >> i) & 1)]!
        if (next >= 0) node = next
        else {
          const symbol = -1 - next
          step |= symbol === END_OF_STRING ? IS_WRONG : HAS_SYMBOL | (symbol << SYMBOL_SHIFT)
          node = 0
        }
      }
      steps[(start << 3) | bits] = step | (node >> 1)
    }
  return steps
}

function findEnds(): Uint8Array {
  const nodes = buildTree()
  const ends = new Uint8Array(nodes.length >> 1)
  let node = 0
  for (let bits = 0; bits <= MAX_PADDING_BITS; bits++) {
    ends[node >> 1] = 1
    node = nodes[node + 1]!
  }
  return ends
}

/**
 * Decodes a string literal.
 * @param maxBytes limit of the decoded string
 * @returns undefined for a longer string
 * @throws Http2ProtocolError when the bytes are not Huffman code
 * Source: RFC 7541, section 5.2.
 */
export function decodeHuffman(bytes: Uint8Array, maxBytes: number): string | undefined {
  const out = Buffer.allocUnsafe(Math.min(maxBytes, Math.ceil((bytes.length * 8) / MIN_CODE_BITS)))
  let length = 0
  let node = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    const first = machine[(node << 4) | (byte >> 4)]!
    const second = machine[((first & NEXT_NODE) << 4) | (byte & 15)]!
    if ((first | second) & IS_WRONG) throw malformed()
    if (first & HAS_SYMBOL) out[length++] = first >> SYMBOL_SHIFT
    if (second & HAS_SYMBOL) out[length++] = second >> SYMBOL_SHIFT
    // Writes beyond the end of `out` have no effect.
    if (length > maxBytes) return undefined
    node = second & NEXT_NODE
  }
  if (isEnd[node] === 0) throw malformed()
  return out.toString('latin1', 0, length)
}

function malformed(): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.compressionError, 'a header field is not valid Huffman code')
}
