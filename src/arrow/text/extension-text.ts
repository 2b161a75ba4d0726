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

/** Whether 8-bit integers of this extension type are booleans. */
export function isBoolean8(name: string | undefined): boolean {
  return name === 'arrow.bool8'
}

/** The text of the values of an extension type. */
export interface ExtensionText {
  /** @returns ASCII without quotes and backslashes */
  readonly text: (value: Uint8Array) => string
  /** Whether the text is an integer. */
  readonly isNumber?: boolean
}

/** Returns how values of an extension type over bytes are written; undefined for unknown types. */
export function extensionText(name: string | undefined): ExtensionText | undefined {
  switch (name) {
    case 'hugeint':
      return { text: (value) => String(BigInt.asIntN(128, unsigned(value))), isNumber: true }
    case 'uhugeint':
      return { text: (value) => String(unsigned(value)), isNumber: true }
    case 'bignum':
      return { text: (value) => textOf(bignumText, value) }
    case 'arrow.uuid':
      return { text: (value) => textOf(uuidText, value) }
    case 'bit':
      return { text: (value) => textOf(bitText, value) }
    case 'time_tz':
      return { text: (value) => textOf(timeTzText, value) }
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
