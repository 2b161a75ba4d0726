import { z } from 'zod'

/** Schema of `console`. */
export const consoleSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe(
      'Whether the HTTP port serves the web console at `/console`, and takes the cookie of those who have logged in there.',
    ),
})
