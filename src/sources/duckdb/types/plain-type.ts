import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import type { Field } from '../../../arrow/schema.ts'
import { bignumText, bitText, type TextForm, timeTzText, uuidText } from '../../../arrow/text/text-forms.ts'
import { extensionName, opaqueType } from './extension-type.ts'

/** What stands for an extension type to clients that know none. */
export interface PlainType {
  readonly format: string
  /** How the values of DuckDB's lossless conversion become it. */
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
 * What a column becomes that DuckDB's lossless conversion gives as an extension type which clients show as bytes: numbers
 * as decimals, all else as the texts that DuckDB casts them to. Undefined for the others.
 */
export function plainType(field: Field): PlainType | undefined {
  if (field.metadata.length === 0) return undefined
  const name = opaqueType(field) ?? extensionName(field)
  return name !== undefined && Object.hasOwn(plainTypes, name) ? plainTypes[name] : undefined
}
