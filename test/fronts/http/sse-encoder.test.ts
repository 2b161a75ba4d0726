import { expect, it } from 'vitest'
import { sseEvent, sseHeartbeat } from '../../../src/fronts/http/sse/sse-encoder.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const encoded = (event: string, id: string, ...data: string[]) =>
  Buffer.concat(sseEvent(event, id, data.map(bytes))).toString()

it('an event has its name, its id and its data on one line each, and ends with an empty line', () => {
  expect(encoded('rows', 'q-2', '[', '{"a":1}', ']')).toBe('event: rows\nid: q-2\ndata: [{"a":1}]\n\n')
})

it.each([
  ['LF', '[1,\n2]'],
  ['CR', '[1,\r2]'],
  ['CR LF', '[1,\r\n2]'],
])('data with %s continues in another data field, so that a client joins it to the same JSON', (_, data) => {
  const text = encoded('rows', '1', data)
  expect(text).toBe('event: rows\nid: 1\ndata: [1,\ndata: 2]\n\n')
})

it('data is not copied', () => {
  const data = bytes('x'.repeat(1000))
  expect(sseEvent('rows', '1', [data])).toContain(data)
})

it('a heartbeat is a comment', () => {
  expect(Buffer.from(sseHeartbeat).toString()).toBe(': heartbeat\n\n')
})
