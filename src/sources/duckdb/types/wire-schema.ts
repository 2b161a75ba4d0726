import { type LayoutPlan, layoutPlan } from '../../../arrow/batches/layout-plan.ts'
import type { Field } from '../../../arrow/schema.ts'
import { extensionName } from './extension-type.ts'
import { plainType } from './plain-type.ts'

/** Whether DuckDB gives a BOOLEAN as the extension type arrow.bool8, a byte each, as its lossless conversion does. */
export function isByteBoolean(field: Field): boolean {
  return field.format === 'c' && extensionName(field) === 'arrow.bool8'
}

/**
 * The schema as clients get it: a BOOLEAN is Arrow's own bool, which loses nothing and which every client knows.
 * @param losslessTypes whether the other extension types stay; without them each is what `plainType` says
 */
export function wireSchema(field: Field, losslessTypes: boolean): Field {
  if (isByteBoolean(field)) return { ...field, format: 'b', metadata: [], children: [] }
  const plain = losslessTypes ? undefined : plainType(field)
  if (plain) return { ...field, format: plain.format, metadata: [], children: [] }
  const children = field.children.map((child) => wireSchema(child, losslessTypes))
  return field.dictionary
    ? { ...field, children, dictionary: wireSchema(field.dictionary, losslessTypes) }
    : { ...field, children }
}

/** How the chunks of a column lie in DuckDB's memory, and what they become. */
export function chunkPlan(field: Field, losslessTypes: boolean): LayoutPlan {
  if (isByteBoolean(field)) return { kind: 'boolBytes', width: 1, children: [] }
  const plain = losslessTypes ? undefined : plainType(field)
  if (plain) return plain.plan
  const plan = layoutPlan(field)
  if (plan.children.length === 0) return plan
  return { ...plan, children: field.children.map((child) => chunkPlan(child, losslessTypes)) }
}
