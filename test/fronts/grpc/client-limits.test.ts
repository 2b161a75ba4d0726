import { expect, it } from 'vitest'
import { maxMessageBytesOf } from '../../../src/fronts/grpc/client-limits.ts'

const announced = (value: string) => maxMessageBytesOf({ 'x-flightgate-max-message-bytes': value }, 5000)

it('the message limit is what the client announces, else what is known of it', () => {
  expect(announced('1024')).toBe(1024)
  expect(announced('99999999999999999999')).toBe(2 ** 31 - 1)
  expect(maxMessageBytesOf({}, 5000)).toBe(5000)
  expect(maxMessageBytesOf({ 'user-agent': 'grpc-java/1' }, 5000)).toBe(2 ** 31 - 1)
})

it.each(['abc', '', '-1', '1023', '1e6', '4096.5'])('a message limit of %j is refused', (value) => {
  const message = 'The header x-flightgate-max-message-bytes must be a whole number of bytes, at least 1024.'
  expect(() => announced(value)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST', message }))
})
