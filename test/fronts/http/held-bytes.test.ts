import { expect, it } from 'vitest'
import { HeldBytes } from '../../../src/fronts/http/batch/held-bytes.ts'

it('results of all batches together have a limit, and what is given back is free again', () => {
  const held = new HeldBytes(100)
  held.take(60)
  expect(() => held.take(41)).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }))
  expect(held.bytes).toBe(60)
  held.give(20)
  held.take(60)
  expect(held.bytes).toBe(100)
})
