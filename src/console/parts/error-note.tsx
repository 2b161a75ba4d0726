import type { ApiError } from '../api/api-error.ts'

/** An error in the gateway's words, with what its log needs to find the call. */
export function ErrorNote({ error, id }: { readonly error: ApiError; readonly id?: string }) {
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
