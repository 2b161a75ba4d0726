import { expect, it } from 'vitest'
import { staleGeneratedFiles } from '../../scripts/check-generated.ts'

it('gen/ is what buf generates from proto/', () => {
  expect(staleGeneratedFiles()).toEqual([])
})
