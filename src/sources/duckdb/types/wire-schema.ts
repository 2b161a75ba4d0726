import { type LayoutPlan, layoutPlan } from '../../../arrow/batches/layout-plan.ts'
import type { Field } from '../../../arrow/schema.ts'
import { extensionName } from './extension-type.ts'
import { plainType, type TypeForm } from './plain-type.ts'

/** Whether the field is a BOOLEAN as DuckDB's lossless conversion gives it: the extension type arrow.bool8, one byte a value. */
export function isByteBoolean(field: Field): boolean {
  return field.format === 'c' && extensionName(field) === 'arrow.bool8'
}

/** Whether a column is a UNION that comes as a STRUCT of its members, since few clients know Arrow's unions. */
function isMembers({ format }: Field, { losslessTypes }: TypeForm): boolean {
  return !losslessTypes && format.startsWith('+us:')
}

/**
 * The schema as clients get it. BOOLEAN becomes Arrow's bool, which loses nothing and which every client knows.
 * @param form decides which of the other types stay; `plainType` replaces the others
 */
export function wireSchema(field: Field, form: TypeForm): Field {
  if (isByteBoolean(field)) return { ...field, format: 'b', metadata: [], children: [] }
  const plain = plainType(field, form)
  const { dictionary, ordered, ...column } = field
  if (plain) return { ...column, format: plain.format, metadata: [], children: [] }
  const children = field.children.map((child) => wireSchema(child, form))
  if (isMembers(field, form)) return { ...field, format: '+s', children }
  return dictionary ? { ...field, children, dictionary: wireSchema(dictionary, form) } : { ...field, children }
}

/** How a column is laid out in DuckDB's memory, and what it becomes. */
export function chunkPlan(field: Field, form: TypeForm): LayoutPlan {
  if (isByteBoolean(field)) return { kind: 'boolBytes', width: 1, children: [] }
  const plain = plainType(field, form)
  if (plain) return plain.plan
  const plan = layoutPlan(field)
  if (plan.children.length === 0) return plan
  const children = field.children.map((child) => chunkPlan(child, form))
  return isMembers(field, form) ? { kind: 'members', width: 0, children } : { ...plan, children }
}
