import { expect, it } from 'vitest'
import { staleGeneratedFiles } from '../../scripts/check-generated.ts'

it('gen/ matches what buf generates from proto/', () => {
  expect(staleGeneratedFiles()).toEqual([])
})
