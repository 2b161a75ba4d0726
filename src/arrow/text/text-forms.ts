/** Writes values of an Arrow extension type as text. */
export interface TextForm {
  /** Maximum bytes of text per byte of the value. */
  readonly growth: number
  /** Writes the value in bytes `from` to `to` as text at `at`. @returns end of the text */
  write(value: Uint8Array, from: number, to: number, target: Uint8Array, at: number): number
}

const ZERO = 48
const DASH = 45
const COLON = 58
const hexDigits = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))

/** UUID: 16 bytes, big-endian. */
export const uuidText: TextForm = {
  growth: 36 / 16,
  write(value, from, to, target, at) {
    let end = at
    for (let i = from; i < to; i++) {
      const n = i - from
      if (n === 4 || n === 6 || n === 8 || n === 10) target[end++] = DASH
      target[end++] = hexDigits[value[i]! >> 4]!
      target[end++] = hexDigits[value[i]! & 15]!
    }
    return end
  },
}

/**
 * BIT: the number of padding bits at the front, then the bits.
 * Source: https://github.com/duckdb/duckdb/blob/main/src/common/types/bit.cpp.
 */
export const bitText: TextForm = {
  growth: 8,
  write(value, from, to, target, at) {
    let end = at
    let skip = value[from]!
    for (let i = from + 1; i < to; i++) {
      for (let bit = 7 - skip; bit >= 0; bit--) target[end++] = ZERO + ((value[i]! >> bit) & 1)
      skip = 0
    }
    return end
  },
}

/** Largest offset of a TIMETZ east of UTC, in seconds; the encoded offset is this minus the actual one. */
const MAX_OFFSET_SECONDS = 16 * 3600 - 1

/**
 * TIME WITH TIME ZONE: 24 bits of offset and 40 bits of microseconds.
 * Source: `dtime_tz_t`, https://github.com/duckdb/duckdb/blob/main/src/include/duckdb/common/types/datetime.hpp.
 */
export const timeTzText: TextForm = {
  growth: 3, // 00:00:00.000000+00:00:00 in 8 bytes
  write(value, from, _to, target, at) {
    let micros = 0
    for (let i = 7; i > 2; i--) micros = micros * 256 + value[from + i]!
    const encoded = value[from]! | (value[from + 1]! << 8) | (value[from + 2]! << 16)
    const offset = MAX_OFFSET_SECONDS - encoded
    const seconds = Math.floor(micros / 1e6)
    let end = two(target, at, Math.floor(seconds / 3600))
    target[end++] = COLON
    end = two(target, end, Math.floor(seconds / 60) % 60)
    target[end++] = COLON
    end = two(target, end, seconds % 60)
    const fraction = micros % 1e6
    if (fraction > 0) end = ascii(target, end, `.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`)
    const distance = Math.abs(offset)
    target[end++] = offset < 0 ? DASH : 43
    end = two(target, end, Math.floor(distance / 3600))
    if (distance % 3600 === 0) return end
    target[end++] = COLON
    end = two(target, end, Math.floor(distance / 60) % 60)
    if (distance % 60 === 0) return end
    target[end++] = COLON
    return two(target, end, distance % 60)
  },
}

const BIGNUM_HEADER_BYTES = 3

/**
 * BIGNUM: 3 bytes of sign and length, then the magnitude in base 256; all bytes are inverted if it is negative.
 * Source: https://github.com/duckdb/duckdb/blob/main/src/include/duckdb/common/types/bignum.hpp.
 */
export const bignumText: TextForm = {
  growth: 3,
  write(value, from, to, target, at) {
    const isNegative = (value[from]! & 0x80) === 0
    let hex = ''
    for (let i = from + BIGNUM_HEADER_BYTES; i < to; i++) {
      const byte = isNegative ? value[i]! ^ 0xff : value[i]!
      hex += byte.toString(16).padStart(2, '0')
    }
    const digits = BigInt(`0x${hex || '0'}`)
    return ascii(target, at, String(isNegative ? -digits : digits))
  },
}

function two(target: Uint8Array, at: number, value: number): number {
  target[at] = ZERO + Math.floor(value / 10)
  target[at + 1] = ZERO + (value % 10)
  return at + 2
}

function ascii(target: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i)
  return at + text.length
}
