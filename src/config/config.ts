import type { z } from 'zod'
import type { configSchema } from './schema.ts'

type Parsed = z.output<typeof configSchema>

/** The whole configuration: validated, complete and frozen. */
export type Config = Omit<Parsed, 'defaultSource'> & {
  readonly defaultSource: string
  /** What is allowed and still worth a look. */
  readonly warnings: readonly string[]
}
