import { describe, expect, it } from 'vitest'
import { acceptedEncoding, acceptedType } from '../../../src/fronts/http/answer/accepted.ts'

const types = ['application/json', 'text/csv', 'application/x-ndjson'] as const

describe('acceptedType', () => {
  it.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['text/csv', 'text/csv'],
    ['TEXT/CSV; header=present', 'text/csv'],
    ['text/*', 'text/csv'],
    ['application/json;q=0.5, text/csv;q=0.6', 'text/csv'],
    ['application/json;q=0.5, */*;q=0.4', 'application/json'],
    ['application/json;q=0, application/*', 'application/x-ndjson'],
    ['*/*;q=0.1, text/csv;q=0', 'application/json'],
    ['text/csv;q=nonsense', 'text/csv'],
    ['text/csv;q=0', undefined],
    ['application/pdf', undefined],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/json'],
  ])('%s', (header, type) => {
    expect(acceptedType(header, types)).toBe(type)
  })
})

describe('acceptedEncoding', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['identity', undefined],
    ['gzip', 'gzip'],
    ['gzip, br', 'br'],
    ['gzip, br;q=0.9', 'gzip'],
    ['gzip, deflate, br, zstd', 'zstd'],
    ['*', 'zstd'],
    ['*, zstd;q=0', 'br'],
    ['gzip;q=0', undefined],
    ['gzip;q=0.5, identity', undefined],
    ['gzip;q=0.5, identity;q=0.1', 'gzip'],
    ['deflate', undefined],
    ['GZIP', 'gzip'],
  ])('%s', (header, encoding) => {
    expect(acceptedEncoding(header, ['zstd', 'br', 'gzip'])).toBe(encoding)
  })
})
