import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { statementHash } from '../../../src/query/text/statement-hash.ts'

describe('the hash of a statement', () => {
  it.each([
    ['short', 'SELECT 1'],
    ['long', 'SELECT 1, '.repeat(300_000)],
    ['long, of surrogate pairs', `a${'😀'.repeat(1_200_000)}`],
  ])('covers the whole text: %s', async (_what, text) => {
    const whole = createHash('sha256').update(text).digest('hex')
    expect(whole.startsWith(await statementHash(text))).toBe(true)
    expect(await statementHash(text)).toHaveLength(16)
  })
})
