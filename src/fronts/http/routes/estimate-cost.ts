import type { SourceEstimate } from '../../../statements/requests/statement-requests.ts'
import { namedRequestOf } from '../batch/batch-request.ts'
import { statementRequestOf } from '../body/statement-request.ts'
import { scopeOf } from '../call/call-scope.ts'
import { problemOf } from '../call/problem.ts'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { jsonAnswer, statementProblemAnswers } from '../schemas/answers.ts'
import { estimateJson } from '../schemas/estimate.ts'
import { estimateAnswer, estimateBody } from '../schemas/estimate-cost.ts'

/** Adds the route that estimates statements without running them. */
export function addEstimateRoute(app: HttpApp, { statements }: HttpFront): void {
  app.post(
    '/estimate-cost',
    {
      schema: {
        operationId: 'estimateCost',
        summary: 'Estimate what statements would read',
        description: `Tells what one statement, or each of \`queries\`, would read and cost, without running it. A figure that the source cannot tell is null, never 0.

For \`queries\` the answer has the estimate or the error of each statement, and the total.`,
        tags: ['Statements'],
        body: estimateBody,
        response: { 200: jsonAnswer('The estimate, or the estimates.', estimateAnswer), ...statementProblemAnswers() },
      },
    },
    async ({ call, body: { queries, ...fields } }) => {
      const scope = scopeOf(call)
      if (queries === undefined) {
        return estimated(await statements.requests.estimate(statementRequestOf(fields), scope))
      }
      const { answers, total } = await statements.batches.estimate(queries.map(namedRequestOf), scope)
      return {
        results: answers.map((answer) =>
          'value' in answer
            ? { id: answer.id, estimate: estimated(answer.value), error: null }
            : { id: answer.id, estimate: null, error: problemOf(answer.error, call.requestId) },
        ),
        total: estimateJson(undefined, total),
      }
    },
  )
}

function estimated({ source, estimate, schema }: SourceEstimate) {
  return estimateJson(source, estimate, schema)
}
