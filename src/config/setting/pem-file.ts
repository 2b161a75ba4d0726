import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** A setting with the path of a PEM file, whose content is read with the configuration. */
export const pemFile = (about: string) => watchedPemFile(about).transform(({ content }) => content)

/** The same, but the value keeps the path, to reload the file when it changes. */
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
