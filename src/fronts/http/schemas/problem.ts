import { z } from 'zod'

const fieldProblemSchema = z
  .object({
    path: z.string().describe('Path of the field, such as `queries[2].table`; empty for the whole body.'),
    message: z.string().describe('What is wrong with it.'),
  })
  .meta({ id: 'FieldProblem', description: 'What is wrong with one field of a request.' })

/** An error in answers, as RFC 9457 defines it. */
export const problemSchema = z
  .object({
    type: z.string().describe('`urn:flightgate:error:` and the code.'),
    title: z.string().describe('The sentence of the table of errors for this code.'),
    status: z.int().min(400).max(599).describe('HTTP status that the table of errors has for this code.'),
    detail: z.string().describe('What went wrong and what to do about it.'),
    code: z.string().describe('Code of the table of errors, such as `BAD_SQL`.'),
    retryable: z.boolean().describe('Whether the same request may succeed if it is sent again unchanged.'),
    request_id: z.string().describe("Id of the request in the gateway's log."),
    position: z
      .object({ line: z.int().min(1).describe('Line.'), column: z.int().min(1).describe('Column.') })
      .optional()
      .describe('Position of the error in the statement; both numbers count from 1.'),
    retry_after_ms: z.int().min(0).optional().describe('Time to wait before a retry, in milliseconds.'),
    details: z
      .record(z.string(), z.string())
      .optional()
      .describe('Figures of the error by name, such as `limit_usd` and `left_usd` of a budget.'),
    errors: z.array(fieldProblemSchema).optional().describe('What is wrong with which field of the request.'),
  })
  .meta({
    id: 'Problem',
    description: 'Why a request, or one statement of a batch, failed.',
    examples: [
      {
        type: 'urn:flightgate:error:UNKNOWN_SOURCE',
        title: 'There is no such source.',
        status: 404,
        detail: 'There is no source "lake"; known: demo.',
        code: 'UNKNOWN_SOURCE',
        retryable: false,
        request_id: '7d9f3c52-61a0-4a55-8e0b-0f1a3a3c9d0e',
      },
    ],
  })
