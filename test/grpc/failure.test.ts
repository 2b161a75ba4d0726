import { expect, it } from 'vitest'
import { failureOf } from '../../src/grpc/client/failure.ts'

it('an upstream’s trailers do not appear when an error is logged', () => {
  const failure = failureOf({ 'grpc-status': '13', 'set-cookie': ['session=s3cret'], authorization: 'Bearer s3cret' })!
  expect(failure.trailers['authorization']).toBe('Bearer s3cret')
  expect(JSON.stringify({ ...failure })).not.toContain('s3cret')
})
