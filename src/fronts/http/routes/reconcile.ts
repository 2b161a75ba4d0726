import { demand } from '../../../query/access/allows.ts'
import { GatewayError } from '../../../query/errors.ts'
import { reconcileJson } from '../control/reconcile-json.ts'
import { reconcileAnswer, reconcileBody } from '../control/reconcile-schema.ts'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { jsonAnswer, problemAnswers } from '../schemas/answers.ts'

const tags = ['Control']
/** How far back a reconciliation looks if the request does not say, in milliseconds. */
const DEFAULT_SINCE_MS = 86_400_000

/** Adds the route that brings the ledger of what statements cost in step with a source. */
export function addReconcileRoute(app: HttpApp, { reconciliation }: HttpFront): void {
  app.post(
    '/costs/reconcile',
    {
      schema: {
        operationId: 'reconcileCosts',
        summary: 'Compare the ledger with the bills of a source',
        description:
          "Reads the source's list of jobs, which is free, settles statements whose bill is missing and corrects others. For callers with the grant `operate`.",
        tags,
        body: reconcileBody,
        response: {
          200: jsonAnswer('What was found and done.', reconcileAnswer),
          ...problemAnswers(403, 404, 501, 502, 504),
        },
      },
    },
    async ({ call, body }) => {
      demand(call.principal, 'operate', { source: body.data_source })
      if (!reconciliation)
        throw new GatewayError('UNKNOWN_SOURCE', 'No source bills its statements, so there is no ledger.')
      const since = body.since === undefined ? Date.now() - DEFAULT_SINCE_MS : Date.parse(body.since)
      return reconcileJson(await reconciliation.reconcile(body.data_source, since, call))
    },
  )
}
