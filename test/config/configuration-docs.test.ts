import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { configurationDocs } from '../../scripts/generate-configuration-docs.ts'

it('docs/configuration.md matches the settings schema', () => {
  expect(readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')).toBe(configurationDocs())
})
