import type { z } from 'zod'
import type { configSchema } from './schema.ts'

type Parsed = z.output<typeof configSchema>

/** The configuration: validated, complete and frozen. */
export type Config = Omit<Parsed, 'defaultSource'> & {
  readonly defaultSource: string
  /** Warnings about settings that work but should be changed. */
  readonly warnings: readonly string[]
}
