import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { errorDocs } from '../../scripts/generate-error-docs.ts'

it('docs/errors.md matches the error table', () => {
  expect(readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')).toBe(errorDocs())
})
