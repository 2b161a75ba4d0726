import { describe, expect, it } from 'vitest'
import { compileValidator } from '../../../src/fronts/http/body/compile-validator.ts'
import { FieldErrors } from '../../../src/fronts/http/body/field-errors.ts'
import { StatementBody } from '../../../src/fronts/http/body/statement-body.ts'
import { batchBody } from '../../../src/fronts/http/schemas/batch.ts'
import { estimateBody } from '../../../src/fronts/http/schemas/estimate-cost.ts'
import { cpuMs } from '../../cpu-time.ts'

const many = 200_000
const query = 'SELECT 1'

function check(schema: typeof StatementBody | typeof batchBody | typeof estimateBody, body: unknown) {
  const validate = compileValidator({ schema, method: 'POST', url: '/', httpPart: 'body' } as never)
  return validate(body) as { value?: unknown; error?: Error }
}

describe('lists of a body', () => {
  it.each([
    ['parameters that are lists', StatementBody, { query, parameters: Array(many).fill([]) }],
    ['columns that are numbers', StatementBody, { table: { name: 't', columns: Array(many).fill(1) } }],
    ['statements that are numbers', batchBody, { queries: Array(many).fill(1) }],
    ['statements without text', batchBody, { queries: Array(many).fill({}) }],
    ['estimates of numbers', estimateBody, { queries: Array(many).fill(1) }],
    ['unknown fields', StatementBody, Object.fromEntries(Array.from({ length: many }, (_, i) => [`field${i}`, 1]))],
  ])('%s: at most 20 faults are told, in time that their number does not lengthen', (_, schema, body) => {
    const before = cpuMs()
    const { error } = check(schema, body)
    expect(cpuMs() - before).toBeLessThan(1000)
    expect(error).toBeInstanceOf(FieldErrors)
    expect((error as FieldErrors).errors).toHaveLength(20)
  })

  it('more parameters, columns and statements than may be are refused', () => {
    expect(check(StatementBody, { query, parameters: Array(300_000).fill(1) }).error?.message).toBe(
      'parameters: must have at most 2000 entries',
    )
    expect(check(StatementBody, { table: { name: 't', columns: Array(20_000).fill('c') } }).error?.message).toBe(
      'table.columns: must have at most 10000 entries',
    )
    expect(check(batchBody, { queries: Array(20_000).fill({ query }) }).error?.message).toBe(
      'queries: must have at most 1000 entries',
    )
  })

  it('a list within its bounds is taken as it is', () => {
    const parameters = [1, 'a', null, true]
    expect(check(StatementBody, { query, parameters }).value).toEqual({ query, parameters })
    expect(check(StatementBody, { query, parameters: [1, [], 2, {}] }).error).toMatchObject({
      errors: [{ path: 'parameters[1]' }, { path: 'parameters[3]' }],
    })
  })
})

describe('a batch as large as a body may be', () => {
  const values = 39_000
  it.each<[string, () => object]>([
    ['parameters', () => ({ query, parameters: Array(values / 1000).fill(1.5) })],
    ['columns', () => ({ table: { name: 't', columns: Array(values / 1000).fill('c') } })],
  ])('with many %s is checked without an entry of a list being checked twice', (_, statement) => {
    const body = { queries: Array.from({ length: 1000 }, statement) }
    check(batchBody, body)
    const before = cpuMs()
    expect(check(batchBody, body).error).toBeUndefined()
    expect(cpuMs() - before).toBeLessThan(500)
  })
})
