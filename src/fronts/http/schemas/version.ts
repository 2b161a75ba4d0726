import { z } from 'zod'

/** Answer of `GET /api/v1/version`. */
export const versionAnswer = z
  .object({ version: z.string().describe('Version of the gateway, such as 0.1.0.') })
  .meta({ id: 'Version', description: 'The version of the gateway.', examples: [{ version: '0.1.0' }] })
