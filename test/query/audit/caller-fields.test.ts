import { describe, expect, it } from 'vitest'
import { authenticationOf, callerFields } from '../../../src/query/audit/caller-fields.ts'

describe('how a caller has shown who it is', () => {
  it.each([
    [{ 'x-api-key': 'k' }, 'ann', 'api_key'],
    [{ authorization: 'Bearer fgt_AAAA' }, 'ann', 'token'],
    [{ authorization: 'bearer eyJh.eyJz.c2ln' }, 'ann', 'oidc'],
    [{ authorization: 'Bearer eyJh.eyJz.' }, undefined, 'oidc'],
    [{ 'x-api-key': '' }, undefined, 'api_key'],
    [{ authorization: 'Bearer plain-key' }, 'ann', 'api_key'],
    [{ authorization: 'Basic YTpi' }, 'ann', 'basic'],
    [{ 'auth-token-bin': 'AAAA' }, 'ann', 'token'],
    [{ cookie: 'a=b' }, 'ann', 'cookie'],
    [{}, 'ann', 'certificate'],
    [{}, 'anonymous', 'none'],
    [{}, undefined, 'none'],
  ])('%j of %s: %s', (metadata, principal, expected) => {
    expect(authenticationOf(metadata, principal)).toBe(expected)
  })
})

it('a line tells of the call, and never its credentials', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const metadata = {
    'x-api-key': 'hush',
    'x-forwarded-for': '203.0.113.7',
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
  }
  const principal = { name: 'ann', roles: ['reader'], groups: ['bi'] }
  const fields = callerFields({ requestId: 'r1', principal, peer: '10.0.0.2:9', front: 'http', metadata })
  expect(fields).toEqual({
    requestId: 'r1',
    front: 'http',
    client: '10.0.0.2:9',
    forwardedFor: '203.0.113.7',
    principal: 'ann',
    authentication: 'api_key',
    roles: ['reader'],
    groups: ['bi'],
    traceId,
  })
})
