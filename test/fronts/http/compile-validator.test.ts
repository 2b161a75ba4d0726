import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { compileValidator } from '../../../src/fronts/http/body/compile-validator.ts'
import { FieldErrors } from '../../../src/fronts/http/body/field-errors.ts'
import { StatementBody } from '../../../src/fronts/http/body/statement-body.ts'
import { batchBody } from '../../../src/fronts/http/schemas/batch.ts'

describe('an unknown field of a body', () => {
  const problems = (schema: z.ZodType, body: object) => {
    const check = compileValidator({ schema, method: 'POST', url: '/', httpPart: 'body' })
    const { error } = check(body) as { error?: unknown }
    return error instanceof FieldErrors ? error.errors.map(({ path, message }) => `${path}: ${message}`) : []
  }

  it('is answered with the field that may be meant, at any depth, in each alternative', () => {
    expect(problems(StatementBody, { query: 'SELECT 1', datasource: 'demo', sourceOfData: 1 })).toEqual([
      'datasource: there is no such field: did you mean data_source?',
      'sourceOfData: there is no such field',
    ])
    expect(problems(StatementBody, { table: { name: 't', colums: [] } })).toEqual([
      'table.colums: there is no such field: did you mean columns?',
    ])
    const body = { queries: [{ query: 'SELECT 1' }, { query: 'SELECT 2', ids: 'a' }], options: { stopOnError: true } }
    expect(problems(batchBody, body)).toEqual([
      'queries[1].ids: there is no such field: did you mean id?',
      'options.stopOnError: there is no such field: did you mean stop_on_error?',
    ])
  })

  it('is not compared if it is long, nor with what objects inherit', () => {
    const long = 'data_source'.repeat(100_000)
    expect(problems(StatementBody, { query: 'SELECT 1', [long]: 1 })).toEqual([`${long}: there is no such field`])
    expect(problems(StatementBody, { query: 'SELECT 1', constructo: 1 })).toEqual([
      'constructo: there is no such field',
    ])
  })
})
