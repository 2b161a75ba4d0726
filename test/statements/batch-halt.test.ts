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

it('a source notices the time limit of the batch first: the batch ends as at its own timer, and no statement begins', () => {
  const halt = new BatchHalt({ signal, deadlineAt: Date.now() + 60_000 }, 0)
  const late = { status: 'failed', error: { code: 'DEADLINE', message: expect.stringContaining('timeout_ms') } }
  expect(halt.failureOf(deadline)).toMatchObject(late)
  expect(halt.cause).toMatchObject(late)
  expect(halt.signal.aborted).toBe(true)
  halt.close()
})

it('a time limit of a statement ends before the deadlines of batch and call: the others go on', () => {
  const halt = new BatchHalt({ signal, deadlineAt: Date.now() + 60_000 }, 60_000)
  expect(halt.failureOf(deadline)).toMatchObject({ status: 'failed', error: deadline })
  expect(halt.signal.aborted).toBe(false)
  halt.close()
})
