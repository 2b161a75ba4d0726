import { tableFromArrays, tableToIPC } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import type { Statement } from '../../../gen/flightgate/v1/gateway_service.ts'
import { requestOf, requestsOf } from '../../../src/fronts/gateway/messages/request.ts'

const none = new Uint8Array(0)
const statement = (parts: Partial<Statement>): Statement => ({
  id: '',
  text: { $case: 'query', value: 'SELECT 1' },
  dataSource: '',
  parameters: none,
  ...parts,
})
const table = (parts: object) =>
  statement({ text: { $case: 'table', value: { name: 't', columns: [], filter: '', limit: undefined, ...parts } } })
const parameters = tableToIPC(tableFromArrays({ a: [1, 2] }), 'stream')

describe('the statement of a request', () => {
  it('leaves out what is not set', () => {
    expect(requestOf(statement({}))).toEqual({ text: { query: 'SELECT 1' } })
    expect(requestOf(table({}))).toEqual({ text: { table: { name: 't', columns: [] } } })
  })

  it('has everything that is set', () => {
    expect(requestOf(statement({ id: 'a', dataSource: 'demo', parameters }))).toEqual({
      id: 'a',
      text: { query: 'SELECT 1' },
      dataSource: 'demo',
      parameters,
    })
    expect(requestOf(table({ columns: ['x'], filter: 'x > 1', limit: 0n })).text).toEqual({
      table: { name: 't', columns: ['x'], filter: 'x > 1', limit: 0 },
    })
  })

  it.each([
    ['no statement', undefined, 'BAD_REQUEST', 'The request has no statement'],
    ['no text', statement({ text: undefined }), 'BAD_REQUEST', 'Set query or table of statement'],
    ['a table without a name', table({ name: '' }), 'BAD_REQUEST', 'Set the name of the table'],
    ['a limit above 2^53', table({ limit: 2n ** 60n }), 'BAD_REQUEST', 'The limit of statement is above'],
  ])('%s: %s', (_name, given, code, message) => {
    expect(() => requestOf(given)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }))
  })

  it('of a batch is named by its position in errors', () => {
    expect(() => requestsOf([statement({}), statement({ text: undefined })])).toThrow('statements[1]')
  })
})
