import { describeFailure } from '../client/describe-failure.ts'

/** An answer of a tool: text, and whether it tells of a failure. */
export interface ToolAnswer {
  [extra: string]: unknown
  content: { type: 'text'; text: string }[]
  isError?: boolean
}

/** An answer of one text. */
export function textAnswer(text: string): ToolAnswer {
  return { content: [{ type: 'text', text }] }
}

/** The failure of a tool: the gateway's sentence, for the model to act on. @param endpoint as in the options */
export function failureAnswer(error: unknown, endpoint: string): ToolAnswer {
  return { content: [{ type: 'text', text: describeFailure(error, endpoint) }], isError: true }
}
