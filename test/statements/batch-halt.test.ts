import { expect, it } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { BatchHalt } from '../../src/statements/batch/batch-halt.ts'

const { signal } = new AbortController()
const deadline = new GatewayError('DEADLINE')

it('a source notices the deadline of the call first: the call ends with DEADLINE, and no statement begins', () => {
  const halt = new BatchHalt({ signal, deadlineAt: Date.now() }, 60_000)
  expect(halt.failureOf(deadline)).toMatchObject({ status: 'failed', error: deadline })
  expect(halt.signal.aborted).toBe(true)
  expect(() => halt.close()).toThrow(deadline)
})

it('a time limit of a statement ends before the deadline of the call: the others go on', () => {
  const halt = new BatchHalt({ signal, deadlineAt: Date.now() + 60_000 }, 60_000)
  expect(halt.failureOf(deadline)).toMatchObject({ status: 'failed', error: deadline })
  expect(halt.signal.aborted).toBe(false)
  halt.close()
})
