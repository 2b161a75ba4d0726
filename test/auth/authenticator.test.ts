import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Authenticator, anonymous } from '../../src/auth/authenticator.ts'
import { Sealer } from '../../src/query/seal/sealer.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest()
const key = (name: string, secret: string) => ({ name, sha256: sha256(secret), roles: ['reader'] })
const sealer = new Sealer(['k'])
const auth = new Authenticator([key('dash', 's3cret:with colon'), key('etl', 'other')], sealer, 60_000)
const basic = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64')

describe('Authenticator', () => {
  it.each([
    ['x-api-key', { 'x-api-key': 'other' }, 'etl'],
    ['Bearer key', { authorization: 'Bearer other' }, 'etl'],
    ['Basic', { authorization: `Basic ${basic('anyone', 's3cret:with colon')}` }, 'dash'],
    ['Basic without padding', { authorization: `Basic ${basic('a', 'other').replace(/=+$/, '')}` }, 'etl'],
    ['scheme in any case', { authorization: 'bearer other' }, 'etl'],
    ['the same Bearer twice', { authorization: 'Bearer other, Bearer other' }, 'etl'],
    ['the same Basic twice', { authorization: `Basic ${basic('a', 'other')},Basic ${basic('a', 'other')}` }, 'etl'],
    ['the same x-api-key three times', { 'x-api-key': 'other, other, other' }, 'etl'],
  ])('knows the principal by %s', (_name, headers, principal) => {
    expect(auth.authenticate(headers).name).toBe(principal)
  })

  it('accepts its own tokens and those of another replica', () => {
    const token = auth.issueToken(auth.byKey('other'))
    const replica = new Authenticator([key('etl', 'other')], new Sealer(['k']), 60_000)
    for (const each of [auth, replica]) {
      expect(each.authenticate({ authorization: `Bearer ${token}` }).name).toBe('etl')
      expect(each.authenticate({ authorization: `Bearer ${token}` }).name).toBe('etl')
      expect(each.authenticate({ 'auth-token-bin': Buffer.from(token).toString('base64') }).name).toBe('etl')
    }
  })

  it('refuses a token that has expired, or whose API key is gone or changed', () => {
    const expired = new Authenticator([key('etl', 'other')], sealer, -1).issueToken({ name: 'etl', roles: [] })
    expect(() => auth.authenticate({ authorization: `Bearer ${expired}` })).toThrow(/expired/)
    const token = auth.issueToken(auth.byKey('other'))
    const without = new Authenticator([key('dash', 'x')], sealer, 60_000)
    const changed = new Authenticator([key('etl', 'new')], sealer, 60_000)
    for (const each of [without, changed])
      expect(() => each.authenticate({ authorization: `Bearer ${token}` })).toThrow(/log in again/)
  })

  it.each([
    {},
    { 'x-api-key': 'wrong' },
    { authorization: 'Bearer wrong' },
    { authorization: 'Bearer fgt_AAAA' },
    { authorization: `Basic ${basic('etl', 'wrong')}` },
    { authorization: 'Basic nocolon' },
    { authorization: 'Digest x' },
  ])('refuses %j', (headers) => {
    expect(() => auth.authenticate(headers)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }))
  })

  it.each([
    { authorization: 'Bearer other, Bearer wrong' },
    { authorization: `Bearer other, Basic ${basic('etl', 'other')}` },
    { 'x-api-key': 'other, wrong' },
  ])('refuses conflicting credentials with an error that says so: %j', (headers) => {
    expect(() => auth.authenticate(headers)).toThrow(/different values of (authorization|x-api-key): set it in one/)
  })

  it('accepts a key that contains commas', () => {
    const commas = new Authenticator([key('dash', 'a, b,c')], sealer, 60_000)
    expect(commas.authenticate({ 'x-api-key': 'a, b,c' }).name).toBe('dash')
    expect(commas.authenticate({ authorization: 'Bearer a, b,c' }).name).toBe('dash')
  })

  it('without configured keys every client is anonymous', () => {
    const open = new Authenticator([], sealer, 60_000)
    expect(open.authenticate({})).toBe(anonymous)
    expect(open.authenticate({ authorization: 'Bearer whatever' })).toBe(anonymous)
  })
})
