import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('the docs and the Python tests name the embedded version of DuckDB', () => {
  const bindings: string = JSON.parse(read('package.json')).dependencies['@duckdb/node-bindings']
  const version = bindings.replace(/-.*/, '')
  expect(read('docs/sources.md')).toContain(`DuckDB ${version} is embedded`)
  expect(read('test/python/requirements.txt')).toContain(`duckdb==${version}\n`)
})
