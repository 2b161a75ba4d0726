import { z } from 'zod'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { jsonAnswer, problemAnswers } from '../schemas/answers.ts'
import { breakerBody, reachAnswer, reasonBody } from './admin-schemas.ts'

const tags = ['Administration']
const sourceNamed = (example: string) =>
  z.strictObject({
    name: z
      .string()
      .meta({ description: 'Name of the source, or its kind if only one source has that kind.', examples: [example] }),
  })
const reached = jsonAnswer('How many processes have done it.', reachAnswer)

/** Adds the routes by which operators drain a source, hold its circuit breakers and rotate the keys of what the gateway seals. */
export function addSourceAdminRoutes(app: HttpApp, { administration }: HttpFront): void {
  for (const [path, isDrained, summary, description] of [
    [
      'drain',
      true,
      'Close a source to new statements',
      'In all processes, until they end. Running statements and open transactions go on; new ones fail with `SOURCE_DRAINING`.',
    ],
    ['undrain', false, 'Open a drained source again', 'In all processes.'],
  ] as const)
    app.post(
      `/sources/:name/${path}`,
      {
        config: { adminRoute: { action: `${path}_source`, reach: 'source' } },
        schema: {
          operationId: `${path}Source`,
          summary,
          description,
          tags,
          params: sourceNamed('demo'),
          body: reasonBody,
          response: { 200: reached, ...problemAnswers(403, 404) },
        },
      },
      async ({ call, params, body: { reason } }) =>
        await administration.drain({ ctx: call, reason }, params.name, isDrained),
    )
  app.post(
    '/sources/:name/breaker',
    {
      config: { adminRoute: { action: 'set_breaker', reach: 'source' } },
      schema: {
        operationId: 'setBreaker',
        summary: 'Hold the circuit breakers of a source',
        description:
          'In all processes, until they end. Held open, calls to the server fail at once with `SOURCE_UNAVAILABLE`; held closed, all pass; `automatic` leaves it to the outcome of calls.',
        tags,
        params: sourceNamed('lake'),
        body: breakerBody,
        response: { 200: reached, ...problemAnswers(403, 404) },
      },
    },
    async ({ call, params, body: { mode, address, reason } }) =>
      await administration.setBreaker({ ctx: call, reason }, params.name, mode, address),
  )
  app.post(
    '/seal-keys/rotate',
    {
      config: { adminRoute: { action: 'rotate_seal_keys', reach: 'all' } },
      schema: {
        operationId: 'rotateSealKeys',
        summary: 'Seal with a new key',
        description:
          'Only for keys that the gateway has made itself. What earlier keys have sealed opens on. Keys of the configuration are rotated there: the answer is then 501 with what to do.',
        tags,
        body: reasonBody,
        response: { 200: reached, ...problemAnswers(403, 501) },
      },
    },
    async ({ call, body: { reason } }) => await administration.rotateKeys({ ctx: call, reason }),
  )
}
