import type { z } from 'zod'

/** What this reads of the definition of a schema; which of it there is depends on its type. */
interface Definition {
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>
  readonly element?: z.core.$ZodType
  readonly innerType?: z.core.$ZodType
  readonly in?: z.core.$ZodType
  readonly out?: z.core.$ZodType
  readonly options?: readonly z.core.$ZodType[]
}

/** Names of the fields that a schema has at a path, such as `['queries', 0]`. */
export function knownFields(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const { shape, element, innerType, in: input, out, options = [] } = schema._zod.def as Definition
  const same = [...options, ...[innerType, input, out].filter((each) => each !== undefined)]
  if (same.length > 0) return same.flatMap((each) => knownFields(each, path))
  const [field, ...rest] = path
  if (field === undefined) return Object.keys(shape ?? {})
  const next = typeof field === 'number' ? element : shape && Object.hasOwn(shape, field) && shape[String(field)]
  return next ? knownFields(next, rest) : []
}
