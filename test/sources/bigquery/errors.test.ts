import { afterAll, beforeAll, expect, it } from 'vitest'
import type { GatewayError } from '../../../src/query/errors.ts'
import { diagnoseBigQuery } from '../../../src/sources/bigquery/diagnose.ts'
import { bigQueryError, jobError } from '../../../src/sources/bigquery/errors.ts'
import { isRefusal, LoginFailure, RestFailure } from '../../../src/sources/bigquery/rest/rest-failure.ts'
import { bigQuerySettings } from '../../../src/sources/bigquery/settings.ts'
import { type BigQueryFake, startBigQueryFake } from '../../fakes/bigquery/fake.ts'
import { contextFor } from './open-source.ts'

/** https://cloud.google.com/bigquery/docs/error-messages, with the status that each reason comes with. */
const table: readonly (readonly [reason: string, http: number, code: string, grpc: string, retryable: boolean])[] = [
  ['accessDenied', 403, 'UPSTREAM_FORBIDDEN', 'PERMISSION_DENIED', false],
  ['authError', 401, 'UPSTREAM_LOGIN', 'UNAVAILABLE', false],
  ['backendError', 503, 'UPSTREAM_BUSY', 'UNAVAILABLE', true],
  ['billingNotEnabled', 403, 'UPSTREAM_REFUSED', 'FAILED_PRECONDITION', false],
  ['billingTierLimitExceeded', 400, 'UPSTREAM_LIMIT', 'RESOURCE_EXHAUSTED', false],
  ['blocked', 403, 'UPSTREAM_FORBIDDEN', 'PERMISSION_DENIED', false],
  ['bytesBilledLimitExceeded', 400, 'BUDGET_EXCEEDED', 'RESOURCE_EXHAUSTED', false],
  ['duplicate', 409, 'ALREADY_EXISTS', 'ALREADY_EXISTS', false],
  ['internalError', 500, 'UPSTREAM_FAILED', 'INTERNAL', false],
  ['invalid', 400, 'BAD_SQL', 'INVALID_ARGUMENT', false],
  ['invalidQuery', 400, 'BAD_SQL', 'INVALID_ARGUMENT', false],
  ['invalidUser', 400, 'BAD_SQL', 'INVALID_ARGUMENT', false],
  ['jobBackendError', 400, 'UPSTREAM_FAILED', 'INTERNAL', false],
  ['jobInternalError', 400, 'UPSTREAM_FAILED', 'INTERNAL', false],
  ['jobRateLimitExceeded', 400, 'UPSTREAM_EXHAUSTED', 'RESOURCE_EXHAUSTED', true],
  ['notFound', 404, 'UNKNOWN_OBJECT', 'NOT_FOUND', false],
  ['notImplemented', 501, 'UPSTREAM_UNIMPLEMENTED', 'UNIMPLEMENTED', false],
  ['quotaExceeded', 403, 'UPSTREAM_LIMIT', 'RESOURCE_EXHAUSTED', false],
  ['rateLimitExceeded', 403, 'UPSTREAM_EXHAUSTED', 'RESOURCE_EXHAUSTED', true],
  ['resourceInUse', 400, 'UPSTREAM_REFUSED', 'FAILED_PRECONDITION', false],
  ['resourcesExceeded', 400, 'UPSTREAM_LIMIT', 'RESOURCE_EXHAUSTED', false],
  ['responseTooLarge', 403, 'UPSTREAM_TOO_LARGE', 'RESOURCE_EXHAUSTED', false],
  ['stopped', 200, 'UPSTREAM_CANCELLED', 'ABORTED', true],
  ['tableUnavailable', 400, 'UPSTREAM_BUSY', 'UNAVAILABLE', true],
  ['timeout', 400, 'UPSTREAM_TIMEOUT', 'DEADLINE_EXCEEDED', true],
]

it.each(table)('%s of a call (HTTP %i) and of a job is %s', (reason, status, code, grpc, retryable) => {
  // A text with numbers and words of other errors: only the reason counts.
  const message = 'Not found: 403 accessDenied 404 timeout [1:503]'
  for (const error of [
    bigQueryError(new RestFailure(message, { status, reason }), 'w'),
    jobError({ reason, message }, 'w'),
  ])
    expect(error).toMatchObject({ code, grpc, retryable })
})

it.each([
  [0, 'SOURCE_UNAVAILABLE'],
  [401, 'UPSTREAM_LOGIN'],
  [429, 'UPSTREAM_EXHAUSTED'],
  [502, 'UPSTREAM_BUSY'],
  [504, 'UPSTREAM_BUSY'],
  [418, 'UPSTREAM_FAILED'],
])('a status %i without a reason is %s', (status, code) => {
  expect(bigQueryError(new RestFailure('x', { status }), 'w')).toMatchObject({ code })
})

it('the position of an error in a statement comes from its text, and decides nothing', () => {
  const failure = new RestFailure('Syntax error: Unexpected keyword FROM at [3:8]', {
    status: 400,
    reason: 'invalidQuery',
  })
  expect(bigQueryError(failure, 'w')).toMatchObject({ code: 'BAD_SQL', position: { line: 3, column: 8 } })
  expect(
    (bigQueryError(new RestFailure('[1:503]', { status: 404, reason: 'notFound' }), 'w') as GatewayError).position,
  ).toBe(undefined)
})

it('a login that failed does not tell the client why', () => {
  const error = bigQueryError(new LoginFailure('/home/me/key.json: invalid_grant'), 'w') as GatewayError
  expect([error.code, error.message.includes('key.json')]).toEqual(['UPSTREAM_LOGIN', false])
})

it.each([
  ['notImplemented', 501, 'The source w does not offer this. BigQuery says: GRANT is new'],
  ['timeout', 400, 'The source w ended the statement at a time limit of its own. BigQuery says: GRANT is new'],
  [
    'responseTooLarge',
    403,
    'The result is too large: select fewer rows or columns, or write it into a table. GRANT is new',
  ],
])('the client reads what BigQuery says with %s, and the log does not', (reason, status, message) => {
  const error = bigQueryError(new RestFailure('GRANT is new', { status, reason }), 'w') as GatewayError
  expect([error.message, error.publicMessage]).toEqual([message, error.row.message])
})

it.each([
  [400, true],
  [403, true],
  [408, false],
  [501, true],
  [503, false],
  [0, false],
])('an answer with status %i leaves no job behind: %s', (status, refused) => {
  expect(isRefusal(new RestFailure('x', { status }))).toBe(refused)
})

let fake: BigQueryFake
beforeAll(async () => {
  const schema = [{ name: 'n', type: 'INT64' }]
  fake = await startBigQueryFake({ tables: [{ dataset: 'shop', name: 'few', schema, rows: [] }] })
})
afterAll(() => fake.close())

async function diagnosed(settings: object) {
  const { endpoint, storageEndpoint } = fake
  const base = { kind: 'bigquery', projectId: 'test-project', endpoint, storageEndpoint, anonymous: true }
  const findings = []
  for await (const finding of diagnoseBigQuery('w', bigQuerySettings.parse({ ...base, ...settings }), contextFor()))
    findings.push(finding)
  return findings
}

it('the doctor checks credentials, project, dry run, query and the Storage Read API', async () => {
  const findings = await diagnosed({})
  expect(findings.map(({ step, ok }) => [step, ok])).toEqual([
    ['credentials', true],
    ['project', true],
    ['dry run', true],
    ['SELECT 1', true],
    ['storage', true],
  ])
})

it('the doctor says what to do where the Storage Read API cannot be reached or is refused', async () => {
  fake.faults.add({ method: 'CreateReadSession', status: { code: 7, message: 'no' } })
  expect((await diagnosed({})).at(-1)).toMatchObject({
    step: 'storage',
    ok: false,
    advice: expect.stringContaining('roles/bigquery.readSessionUser'),
  })
  expect((await diagnosed({ endpoint: 'http://127.0.0.1:1' })).at(-1)).toMatchObject({ step: 'project', ok: false })
}, 30_000)

it('the doctor says that a login has expired, in the words of the answer', async () => {
  const message = 'Request had invalid authentication credentials.'
  fake.faults.add({ times: 9, error: { status: 401, reason: 'authError', message } })
  expect((await diagnosed({})).at(-1)).toMatchObject({
    step: 'project',
    detail: `authError: ${message}`,
    advice: expect.stringContaining('gcloud auth application-default login'),
  })
  fake.faults.clear()
})
