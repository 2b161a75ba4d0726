import { expect } from 'vitest'

const answer = [{ answer: 42 }]
const raises = (error: string, text: string | RegExp, status: string | null = null) => ({
  error,
  text: expect.stringMatching(text),
  status,
})

/** What the steps of real_clients.py return, by step. */
export const answers: readonly (readonly [string, unknown])[] = [
  ['pyarrow_basic_token', answer],
  ['pyarrow_auth_handler', answer],
  ['pyarrow_headers', [answer, answer, answer]],
  ['pyarrow_waits_and_lists', { flights: 0, actions: expect.arrayContaining(['CancelFlightInfo']) }],
  ['pyarrow_schema', 'a: int32\nb: string'],
  ['pyarrow_cancel', true],
  ['adbc_user_and_password', ['42', 'x', '2026-01-02', '1.50']],
  ['adbc_bearer', [[42]]],
  ['adbc_header', [[42]]],
  ['adbc_writes_once', [1, 2]],
  ['data_frames', [499500, 'v999', 499500, 'v999']],
  ['sums', [45, '6f9619ff-8b86-d011-b42d-00c04fc964ff', 45, '6f9619ff-8b86-d011-b42d-00c04fc964ff']],
]

/** What the steps of real_clients.py raise, by step. */
export const errors: readonly (readonly [string, unknown])[] = [
  ['pyarrow_auth_handler_wrong', raises('FlightUnauthenticatedError', 'is wrong')],
  ['pyarrow_wrong_password', raises('FlightUnauthenticatedError', 'is wrong')],
  ['pyarrow_no_credentials', raises('FlightUnauthenticatedError', 'carries no credentials')],
  ['pyarrow_syntax_error', raises('ArrowInvalid', /syntax error at or near "SELEC"\n\nLINE 1: SELEC 1\n {8}\^/)],
  ['pyarrow_unknown_table', raises('ArrowKeyError', 'nope does not exist')],
  ['pyarrow_timeout', raises('FlightTimedOutError', /deadline/i)],
  ['pyarrow_exchange', raises('ArrowNotImplementedError', 'DoExchange')],
  ['adbc_wrong_password', raises('ProgrammingError', 'is wrong', 'UNAUTHENTICATED')],
  ['adbc_syntax_error', raises('ProgrammingError', 'syntax error at or near "SELEC"', 'INVALID_ARGUMENT')],
  ['adbc_unknown_table', raises('ProgrammingError', 'nope does not exist', 'NOT_FOUND')],
]
