import type { Problem } from '../api/answers.ts'

/** What the note shows of an error. */
export interface Noted {
  readonly message: string
  readonly problem?: Pick<Problem, 'code' | 'position' | 'request_id'> | undefined
}

/** An error in the gateway's words, with what its log needs to find the call. */
export function ErrorNote({ error, id }: { readonly error: Noted; readonly id?: string }) {
  const { message, problem } = error
  return (
    <div class="note bad" role="alert" id={id}>
      <p>{message}</p>
      {problem && (
        <p class="faint">
          {problem.code}
          {problem.position && `, line ${problem.position.line}, column ${problem.position.column}`}, request{' '}
          <span class="mono">{problem.request_id}</span>
        </p>
      )}
    </div>
  )
}
