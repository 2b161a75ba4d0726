import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** A PEM file, read when the configuration is. */
export const pemFile = (about: string) => watchedPemFile(about).transform(({ content }) => content)

/** The same, with its path, to be read again when it changes. */
export const watchedPemFile = (about: string) =>
  z
    .string()
    .min(1)
    .describe(about)
    .transform((path, context) => {
      try {
        return { path, content: readFileSync(path) as Buffer }
      } catch (error) {
        context.addIssue({ code: 'custom', message: `cannot be read (${(error as NodeJS.ErrnoException).code})` })
        return z.NEVER
      }
    })
