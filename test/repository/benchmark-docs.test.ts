import { expect, it } from 'vitest'
import { readPage, renderPage } from '../../bench/support/page.ts'

it('docs/benchmarks.md matches the results in bench/results/', () => {
  expect(readPage()).toBe(renderPage())
})
