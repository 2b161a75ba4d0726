import { bignumText, bitText, type TextForm, timeTzText, uuidText } from './text-forms.ts'

const NAME = 'ARROW:extension:name'
const DETAILS = 'ARROW:extension:metadata'
const WORD_BYTES = 8

/** Name of a column's extension type; for `arrow.opaque`, the type name that the producer gave. */
export function extensionNameOf(metadata: ReadonlyMap<string, string>): string | undefined {
  const name = metadata.get(NAME)
  if (name !== 'arrow.opaque') return name
  try {
    return (JSON.parse(metadata.get(DETAILS) ?? '{}') as { type_name?: string }).type_name
  } catch {
    return name
  }
}

/** Returns a function that writes a value of an extension type as JSON; undefined for unknown types. */
export function extensionText(name: string | undefined): ((value: Uint8Array) => string) | undefined {
  switch (name) {
    case 'hugeint':
      return (value) => String(BigInt.asIntN(128, unsigned(value)))
    case 'uhugeint':
      return (value) => String(unsigned(value))
    case 'bignum':
      return (value) => JSON.stringify(textOf(bignumText, value))
    case 'arrow.uuid':
      return (value) => JSON.stringify(textOf(uuidText, value))
    case 'bit':
      return (value) => JSON.stringify(textOf(bitText, value))
    case 'time_tz':
      return (value) => JSON.stringify(textOf(timeTzText, value))
  }
  return undefined
}

function textOf({ growth, write }: TextForm, value: Uint8Array): string {
  const text = Buffer.alloc(Math.ceil(value.length * growth))
  return text.toString('latin1', 0, write(value, 0, value.length, text, 0))
}

function unsigned(value: Uint8Array): bigint {
  const { buffer, byteOffset } = value
  const view = new DataView(buffer, byteOffset, 2 * WORD_BYTES)
  return (view.getBigUint64(WORD_BYTES, true) << 64n) | view.getBigUint64(0, true)
}
