import { expect, it } from 'vitest'
import { anonymous } from '../../../src/auth/authenticator.ts'
import { CallContext } from '../../../src/fronts/grpc/call-context.ts'
import type { GrpcCall } from '../../../src/grpc/server/call.ts'
import { log } from '../../grpc/server-limits.ts'

const connection = { isLeaving: false, onceClosed() {} }
const callWith = (headers: Record<string, string>) =>
  new CallContext({ principal: anonymous, headers, connection } as unknown as GrpcCall, log, 'flight')

it.each([
  { 'x-forwarded-for': '10.0.0.1' },
  { forwarded: 'for=10.0.0.1' },
  { via: '2 proxy' },
  { 'x-flightgate-forwarded': 'mark' },
])('the connection of a proxy or of another replica is not that of one client: %j', (headers) => {
  expect(callWith(headers).connection).toBeUndefined()
  expect(callWith({}).connection).toBe(connection)
})
