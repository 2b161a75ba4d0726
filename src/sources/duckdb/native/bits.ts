import { type Address, addressOf, memcpy } from './library.ts'

/** Copies and counts bits in native memory; a chunk's bitmap seldom begins at a byte boundary. */
export class BitCopier {
  #bytes = new Uint8Array(4096)
  #address: Address = addressOf(this.#bytes)

  /** Copies `count` bits, from bit `fromBit` at `from`, to bit `toBit` after byte `to` of `body`. */
  copy(body: Uint8Array, to: number, toBit: number, from: Address, fromBit: number, count: number): void {
    if (count === 0) return
    if ((toBit & 7) === 0 && (fromBit & 7) === 0) {
      memcpy(addressOf(body) + to + (toBit >> 3), from + (fromBit >> 3), (count + 7) >> 3)
      return
    }
    const source = this.#load(from, fromBit, count)
    const shift = fromBit & 7
    let bit = toBit
    for (let remaining = count, i = 0; remaining > 0; i++) {
      // Eight source bits at a time, aligned, then merged into one or two bytes of the destination.
      const value = shift === 0 ? source[i]! : ((source[i]! >> shift) | (source[i + 1]! << (8 - shift))) & 0xff
      const size = Math.min(8, remaining)
      const merged = value & ((1 << size) - 1)
      const position = to + (bit >> 3)
      const low = bit & 7
      body[position] = (body[position]! & ((1 << low) - 1)) | ((merged << low) & 0xff)
      if (low + size > 8) body[position + 1] = merged >> (8 - low)
      bit += size
      remaining -= size
    }
  }

  /** Packs `count` bytes of 0 or 1 at `from` to bits, from bit `toBit` after byte `to` of `body`. */
  pack(body: Uint8Array, to: number, toBit: number, from: Address, count: number): void {
    const source = this.#load(from, 0, 8 * count)
    let position = to + (toBit >> 3)
    let bit = toBit & 7
    let value = bit === 0 ? 0 : body[position]! & ((1 << bit) - 1)
    for (let i = 0; i < count; i++) {
      // The byte under a null may have any value.
      if (source[i] !== 0) value |= 1 << bit
      if (++bit === 8) {
        body[position++] = value
        bit = value = 0
      }
    }
    if (bit > 0) body[position] = value
  }

  /** Sets `count` bits from bit `bit` after byte `to` of `body`. */
  setOnes(body: Uint8Array, to: number, bit: number, count: number): void {
    const end = bit + count
    let at = bit
    for (; at < end && (at & 7) !== 0; at++) body[to + (at >> 3)] = ones(body[to + (at >> 3)]!, at & 7)
    if (at < end) body.fill(0xff, to + (at >> 3), to + ((end + 7) >> 3))
  }

  /** How many of `count` bits from bit `bit` at `from` are zero. */
  countZeros(from: Address, bit: number, count: number): number {
    const source = this.#load(from, bit, count)
    const first = bit & 7
    let set = 0
    for (let i = first; i < first + count; ) {
      if ((i & 7) === 0 && i + 8 <= first + count) {
        set += populationCount(source[i >> 3]!)
        i += 8
      } else {
        set += (source[i >> 3]! >> (i & 7)) & 1
        i++
      }
    }
    return count - set
  }

  /** Loads the bytes that hold the bits, and a zero byte to shift from. */
  #load(from: Address, bit: number, count: number): Uint8Array {
    const bytes = ((bit & 7) + count + 7) >> 3
    if (this.#bytes.length < bytes + 1) {
      this.#bytes = new Uint8Array(2 * bytes)
      this.#address = addressOf(this.#bytes)
    }
    memcpy(this.#address, from + (bit >> 3), bytes)
    this.#bytes[bytes] = 0
    return this.#bytes
  }
}

function ones(value: number, bit: number): number {
  return (value & ((1 << bit) - 1)) | (1 << bit)
}

function populationCount(byte: number): number {
  let value = byte
  value -= (value >> 1) & 0x55
  value = (value & 0x33) + ((value >> 2) & 0x33)
  return (value + (value >> 4)) & 0x0f
}
