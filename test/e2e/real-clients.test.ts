import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const answer = [{ answer: 42 }]
const raises = (error: string, text: string | RegExp, status: string | null = null) => ({
  error,
  text: expect.stringMatching(text),
  status,
})

describe.skipIf(!hasPython())('real clients', () => {
  let gateway: GatewayProcess
  let seen: Readonly<Record<string, unknown>>

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true } },
    })
    seen = await runPython('real_clients.py', gateway.uri, 'anyone', 'etl-key')
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  it.each([
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
  ])('%s answers', (step, expected) => {
    expect(seen[step]).toEqual(expected)
  })

  it.each([
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
  ])('%s raises the exception that its users expect', (step, expected) => {
    expect(seen[step]).toEqual(expected)
  })

  it('leak no statement or buffer', async () => {
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    expect(await gateway.metric('flightgate_in_flight_bytes')).toBe(0)
    const outcomes = gateway.lines.filter(({ event }) => event === 'statement').map(({ outcome }) => outcome)
    expect(outcomes).toEqual(expect.arrayContaining(['OK', 'CANCELLED']))
  })
})
