import { z } from 'zod'

/** Faulty entries of a list that an error names. */
const MAX_FAULTS = 20

/**
 * A list of at most `max` entries. Its check ends with the first entry too many or the 20th faulty one: zod would describe each
 * faulty entry in a body of a megabyte, which takes seconds and gigabytes.
 * @param isValid whether an entry is valid, quicker than its schema tells; for lists with many entries
 */
export function listOf<T extends z.ZodType>(
  entry: T,
  max: number,
  isValid = (value: unknown) => entry.safeParse(value).success,
) {
  return z.preprocess(
    (value) => (Array.isArray(value) ? upToLastFault(value.slice(0, max + 1), isValid) : value),
    z.array(entry).max(max),
  )
}

function upToLastFault(values: readonly unknown[], isValid: (value: unknown) => boolean): readonly unknown[] {
  let faults = 0
  const last = values.findIndex((value) => !isValid(value) && ++faults === MAX_FAULTS)
  return last < 0 ? values : values.slice(0, last + 1)
}
