import { type LayoutPlan, layoutPlan } from '../../../arrow/batches/layout-plan.ts'
import type { Field } from '../../../arrow/schema.ts'
import { bignumText, bitText, type TextForm, timeTzText, uuidText } from '../../../arrow/text/text-forms.ts'
import { extensionName, opaqueType } from './extension-type.ts'

/** Which types a client gets as DuckDB's lossless conversion gives them. */
export interface TypeForm {
  /** Whether extension types stay. */
  readonly losslessTypes: boolean
  /** Whether an ENUM is indices into a dictionary, or its texts. */
  readonly dictionaries: boolean
}

/** The type that replaces a type which the client does not know. */
export interface PlainType {
  readonly format: string
  /** How the values of DuckDB's lossless conversion are laid out as this type. */
  readonly plan: LayoutPlan
}

const rendered = (form: TextForm, width: number): PlainType => ({
  format: 'u',
  plan: { kind: 'rendered', width, children: [], form },
})
const decimal = (kind: 'huge' | 'unsignedHuge'): PlainType => ({
  format: 'd:38,0',
  plan: { kind, width: 16, children: [] },
})
const plainTypes: Readonly<Record<string, PlainType>> = {
  hugeint: decimal('huge'),
  uhugeint: decimal('unsignedHuge'),
  'arrow.uuid': rendered(uuidText, 16),
  'arrow.json': { format: 'u', plan: { kind: 'text', width: 4, children: [] } },
  time_tz: rendered(timeTzText, 8),
  bit: rendered(bitText, 0),
  bignum: rendered(bignumText, 0),
}

/**
 * The replacement for a field that DuckDB's lossless conversion gives as a type which the client would show as bytes or as
 * indices: a decimal for integers, for all others the text to which DuckDB casts them. Undefined for other fields.
 */
export function plainType(field: Field, { losslessTypes, dictionaries }: TypeForm): PlainType | undefined {
  if (field.dictionary) return dictionaries ? undefined : decoded(field)
  if (losslessTypes || field.metadata.length === 0) return undefined
  const name = opaqueType(field) ?? extensionName(field)
  return name !== undefined && Object.hasOwn(plainTypes, name) ? plainTypes[name] : undefined
}

/** An ENUM, whose dictionary DuckDB gives as texts with offsets of 32 bits. */
function decoded(field: Field): PlainType {
  return { format: 'u', plan: { kind: 'decoded', width: layoutPlan(field).width, children: [] } }
}
