import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { jsonAnswer, problemAnswers } from '../schemas/answers.ts'
import { versionAnswer } from '../schemas/version.ts'

/** Adds the route that tells the version. */
export function addVersionRoute(app: HttpApp, { version }: HttpFront): void {
  app.get(
    '/version',
    {
      schema: {
        operationId: 'getVersion',
        summary: 'Tell the version of the gateway',
        tags: ['Control'],
        response: { 200: jsonAnswer('The version.', versionAnswer), ...problemAnswers() },
      },
    },
    async () => ({ version }),
  )
}
