import { type LayoutPlan, layoutPlan } from '../../arrow/layout-plan.ts'
import type { Field } from '../../arrow/schema.ts'
import { extensionName } from './extension-type.ts'

/** Whether DuckDB gives a BOOLEAN as the extension type arrow.bool8, a byte each, as its lossless conversion does. */
export function isByteBoolean(field: Field): boolean {
  return field.format === 'c' && extensionName(field) === 'arrow.bool8'
}

/** The schema as clients get it: a BOOLEAN is Arrow's own bool, which loses nothing and which every client knows. */
export function wireSchema(field: Field): Field {
  if (isByteBoolean(field)) return { ...field, format: 'b', metadata: [], children: [] }
  const children = field.children.map(wireSchema)
  return field.dictionary ? { ...field, children, dictionary: wireSchema(field.dictionary) } : { ...field, children }
}

/** How the chunks of a column lie in DuckDB's memory. */
export function chunkPlan(field: Field): LayoutPlan {
  if (isByteBoolean(field)) return { kind: 'boolBytes', width: 1, children: [] }
  const plan = layoutPlan(field)
  return plan.children.length === 0 ? plan : { ...plan, children: field.children.map(chunkPlan) }
}
