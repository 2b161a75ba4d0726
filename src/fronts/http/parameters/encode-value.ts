import { integers } from '../../../arrow/schema.ts'
import { type Clock, daysOf, instantOf, timeOf } from './read-time.ts'
import { UnfitValue } from './unfit-value.ts'

/** A value of a JSON parameter. */
export type JsonScalar = string | number | boolean | null

const wholeNumber = /^[+-]?\d+$/
const decimalNumber = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const specialFloats: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
}
const MAX_EXPONENT = 400

/**
 * Encodes a value as the buffers of a column with one row, without the validity.
 * @param format type of the column, as in the Arrow C data interface
 * @throws UnfitValue
 */
export function encodeValue(value: Exclude<JsonScalar, null>, format: string): readonly Uint8Array[] {
  const integer = integers[format]
  if (integer) return [integerBytes(integerOf(value), integer[0], integer[1])]
  switch (format) {
    case 'b':
      if (typeof value !== 'boolean') throw new UnfitValue('must be true or false')
      return [Uint8Array.of(value ? 1 : 0)]
    case 'u':
    case 'U':
      if (typeof value !== 'string') throw new UnfitValue('must be text')
      if (!value.isWellFormed()) throw new UnfitValue('must be Unicode: it has half of a surrogate pair')
      return withOffsets(Buffer.from(value), format === 'U')
    case 'z':
    case 'Z':
      return withOffsets(bytesOf(value), format === 'Z')
    case 'f':
      return [new Uint8Array(Float32Array.of(floatOf(value)).buffer)]
    case 'g':
      return [new Uint8Array(Float64Array.of(floatOf(value)).buffer)]
    case 'tdD':
      return [integerBytes(daysOf(textOf(value, 'a date such as "2026-01-31"')), 32, true)]
    case 'tdm':
      return [integerBytes(daysOf(textOf(value, 'a date such as "2026-01-31"')) * 86_400_000n, 64, true)]
  }
  const unit = format[2] as Clock
  if (format.startsWith('tt')) {
    const time = timeOf(textOf(value, 'a time such as "23:59:58.5"'), unit)
    return [integerBytes(time, unit === 's' || unit === 'm' ? 32 : 64, true)]
  }
  if (format.startsWith('ts'))
    return [
      integerBytes(
        instantOf(textOf(value, 'a timestamp such as "2026-01-31T23:59:58"'), unit, format.length > 4),
        64,
        true,
      ),
    ]
  if (format.startsWith('d:')) {
    const [precision, scale, bits = 128] = format.slice(2).split(',').map(Number)
    return [integerBytes(decimalOf(value, precision!, scale!), bits, true)]
  }
  if (format.startsWith('w:')) {
    const width = Number(format.slice(2))
    const bytes = bytesOf(value)
    if (bytes.byteLength !== width) throw new UnfitValue(`must be base64 text of ${width} bytes`)
    return [bytes]
  }
  throw new UnfitValue('has a type that JSON values cannot have: send the parameters as {"arrow": ...}')
}

function integerOf(value: unknown): bigint {
  if (typeof value === 'number' && Number.isInteger(value)) {
    if (!Number.isSafeInteger(value)) throw new UnfitValue('is above 2^53, where JSON loses digits: send it as text')
    return BigInt(value)
  }
  if (typeof value === 'string' && wholeNumber.test(value) && value.length <= 40) return BigInt(value.replace('+', ''))
  throw new UnfitValue('must be a whole number')
}

/** Little-endian two's complement. */
function integerBytes(value: bigint, bits: number, signed: boolean): Uint8Array {
  const [low, high] = signed
    ? [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]
    : [0n, (1n << BigInt(bits)) - 1n]
  if (value < low || value > high) throw new UnfitValue(`must be from ${low} to ${high}`)
  const bytes = new Uint8Array(bits / 8)
  let rest = BigInt.asUintN(bits, value)
  for (let i = 0; i < bytes.length; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  return bytes
}

function floatOf(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string') {
    const special = specialFloats[value]
    if (special !== undefined) return special
    if (decimalNumber.test(value) && /\d/.test(value)) return Number(value)
  }
  throw new UnfitValue('must be a number, or "NaN", "Infinity" or "-Infinity"')
}

/** The value without its decimal point. */
function decimalOf(value: unknown, precision: number, scale: number): bigint {
  const match = typeof value === 'number' || typeof value === 'string' ? decimalNumber.exec(String(value)) : null
  const [, sign, whole = '', fraction = '', exponent = '0'] = match ?? []
  if (!match || whole + fraction === '') throw new UnfitValue('must be a decimal number')
  const shift = scale - fraction.length + Number(exponent)
  if (Math.abs(shift) > MAX_EXPONENT || whole.length + fraction.length > MAX_EXPONENT)
    throw new UnfitValue(`must have at most ${precision} digits`)
  let digits = BigInt(whole + fraction)
  if (shift >= 0) digits *= 10n ** BigInt(shift)
  else {
    const divisor = 10n ** BigInt(-shift)
    if (digits % divisor !== 0n) throw new UnfitValue(`must have at most ${scale} digits after the point`)
    digits /= divisor
  }
  if (digits >= 10n ** BigInt(precision)) throw new UnfitValue(`must have at most ${precision} digits`)
  return sign === '-' ? -digits : digits
}

function textOf(value: unknown, form: string): string {
  if (typeof value !== 'string') throw new UnfitValue(`must be ${form}`)
  return value
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !base64.test(value)) throw new UnfitValue('must be base64 text')
  return Buffer.from(value, 'base64')
}

function withOffsets(bytes: Uint8Array, isLarge: boolean): readonly Uint8Array[] {
  const offsets = isLarge ? BigInt64Array.of(0n, BigInt(bytes.byteLength)) : Int32Array.of(0, bytes.byteLength)
  return [new Uint8Array(offsets.buffer), bytes]
}
