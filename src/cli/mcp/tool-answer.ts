import { type ServiceError, status } from '@grpc/grpc-js'
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

/** What a tool calls, and how long. */
export interface Called {
  /** As in the options. */
  readonly endpoint: string
  /** Deadline of a call of a tool, in seconds. */
  readonly timeoutS: number
}

/** The failure of a tool: the gateway's code and sentence, for the model to act on. */
export function failureAnswer(error: unknown, called: Called): ToolAnswer {
  return { content: [{ type: 'text', text: failureText(error, called) }], isError: true }
}

function failureText(error: unknown, { endpoint, timeoutS }: Called): string {
  const { code, details, metadata } = error as Partial<ServiceError>
  const ofGateway = metadata?.get('x-flightgate-error')[0]?.toString()
  // The gateway's own sentences say how a caller may write, which a model must not try.
  if (ofGateway === 'UNSAFE_STATEMENT' || ofGateway === 'READ_ONLY')
    return `${ofGateway}: This server only reads, and the statement may change data.`
  // The client's deadline and the gateway's, which the client tells it, end at the same time.
  if (code === status.DEADLINE_EXCEEDED && (ofGateway === undefined || ofGateway === 'DEADLINE'))
    return `DEADLINE: There was no answer within ${timeoutS} s, so that the statement was cancelled: ask for less, by filters or an aggregate.`
  return ofGateway === undefined ? describeFailure(error, endpoint) : `${ofGateway}: ${details}`
}
