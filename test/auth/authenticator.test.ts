import { createHash } from 'node:crypto'
import { Socket } from 'node:net'
import { pino } from 'pino'
import { describe, expect, it, vi } from 'vitest'
import type { ApiKey } from '../../src/auth/api-keys.ts'
import { Authenticator, anonymous } from '../../src/auth/authenticator.ts'
import type { Identity } from '../../src/auth/identity.ts'
import { Sealer } from '../../src/query/seal/sealer.ts'
import type { Principal } from '../../src/query/types.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest()
const key = (name: string, secret: string) => ({ name, sha256: sha256(secret), roles: ['reader'] })
const sealer = new Sealer(['k'])
const noOthers = { oidc: [], names: { roles: [], groups: [] } }
const socket = new Socket()
const log = pino({ level: 'silent' })
const observer = { onToken() {}, onKeysFetched() {} }
const withKeys = (apiKeys: readonly ApiKey[], tokenTtlMs = 60_000, sealedBy = sealer) =>
  new Authenticator({ ...noOthers, apiKeys }, { sealer: sealedBy, tokenTtlMs, log, observer })
/** The name of a caller whom the authenticator knows at once. */
const nameOf = (authenticator: Authenticator, headers: Record<string, string>) =>
  (authenticator.authenticate(headers, socket) as Principal).name
const login = (authenticator: Authenticator, secret: string) =>
  authenticator.issueToken(authenticator.identifyBy(secret) as Identity)
const auth = withKeys([key('dash', 's3cret:with colon'), key('etl', 'other')])
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
    expect(nameOf(auth, headers)).toBe(principal)
  })

  it('accepts its own tokens and those of another replica', () => {
    const token = login(auth, 'other')
    const replica = withKeys([key('etl', 'other')], 60_000, new Sealer(['k']))
    for (const each of [auth, replica]) {
      expect(nameOf(each, { authorization: `Bearer ${token}` })).toBe('etl')
      expect(nameOf(each, { authorization: `Bearer ${token}` })).toBe('etl')
      expect(nameOf(each, { 'auth-token-bin': Buffer.from(token).toString('base64') })).toBe('etl')
    }
  })

  it('issues tokens with the lifetime of now, after a reload has changed it', () => {
    const deps = { sealer, tokenTtlMs: 60_000, log, observer }
    const own = new Authenticator({ ...noOthers, apiKeys: [key('etl', 'other')] }, deps)
    const before = login(own, 'other')
    deps.tokenTtlMs = -1
    const after = login(own, 'other')
    expect(nameOf(own, { authorization: `Bearer ${before}` })).toBe('etl')
    expect(() => own.authenticate({ authorization: `Bearer ${after}` }, socket)).toThrow(/expired/)
  })

  it('refuses a token that has expired, or whose API key is gone or changed', () => {
    const expired = login(withKeys([key('etl', 'other')], -1), 'other')
    expect(() => auth.authenticate({ authorization: `Bearer ${expired}` }, socket)).toThrow(/expired/)
    const token = login(auth, 'other')
    const without = withKeys([key('dash', 'x')])
    const changed = withKeys([key('etl', 'new')])
    for (const each of [without, changed])
      expect(() => each.authenticate({ authorization: `Bearer ${token}` }, socket)).toThrow(/log in again/)
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
    expect(() => auth.authenticate(headers, socket)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }))
  })

  it.each([
    { authorization: 'Bearer other, Bearer wrong' },
    { authorization: `Bearer other, Basic ${basic('etl', 'other')}` },
    { 'x-api-key': 'other, wrong' },
  ])('refuses conflicting credentials with an error that says so: %j', (headers) => {
    expect(() => auth.authenticate(headers, socket)).toThrow(
      /different values of (authorization|x-api-key): set it in one/,
    )
  })

  it('accepts a key that contains commas', () => {
    const commas = withKeys([key('dash', 'a, b,c')])
    expect(nameOf(commas, { 'x-api-key': 'a, b,c' })).toBe('dash')
    expect(nameOf(commas, { authorization: 'Bearer a, b,c' })).toBe('dash')
  })

  it('resolves what the roles of a key grant, also for its tokens and after a change', async () => {
    const grants = [{ verbs: ['read'], sources: ['lake'], schemas: ['sales'] }] as const
    const apiKeys = [{ ...key('ann', 'x'), roles: ['analyst', 'operator'] }]
    const granting = (schema: string) => ({ analyst: { grants: [{ ...grants[0], schemas: [schema] }] } })
    const settings = (schema: string) => ({ ...noOthers, apiKeys, roles: granting(schema) })
    const own = new Authenticator(settings('Sales'), { sealer, tokenTtlMs: 60_000, log, observer })
    const ann = async () => (await own.identify({ 'x-api-key': 'x' }, socket)).principal
    const first = await ann()
    expect(first.grants).toEqual([...grants, { verbs: ['operate'] }])
    const authorization = `Bearer ${own.issueToken(await own.identify({ 'x-api-key': 'x' }, socket))}`
    expect(await own.authenticate({ authorization }, socket)).toBe(first)
    own.update(settings('sales'))
    expect(await ann()).toBe(first)
    own.update(settings('hr'))
    expect((await own.authenticate({ authorization }, socket)).grants![0]!.schemas).toEqual(['hr'])
  })

  it('without configured keys every client is anonymous', () => {
    const open = withKeys([])
    expect(open.authenticate({}, socket)).toBe(anonymous)
    expect(open.authenticate({ authorization: 'Bearer whatever' }, socket)).toBe(anonymous)
  })
})

describe('API keys of one principal', () => {
  const soon = () => Date.now() + 60_000
  const old = { ...key('dash', 'old'), expiresAt: Date.now() - 1000 }

  it('all stand for the same principal', () => {
    const rotated = withKeys([{ ...key('dash', 'old'), expiresAt: soon() }, key('dash', 'new')])
    const [first, second] = ['old', 'new'].map((secret) => rotated.authenticate({ 'x-api-key': secret }, socket))
    expect(first).toBe(second)
    expect(first).toMatchObject({ name: 'dash', roles: ['reader'] })
  })

  it('expired: refused with a sentence that says so, and the other key goes on', () => {
    const rotated = withKeys([old, key('dash', 'new')])
    expect(() => rotated.authenticate({ 'x-api-key': 'old' }, socket)).toThrow(/key of dash has expired at 20.*Z/)
    expect(() => rotated.authenticate({ authorization: `Basic ${basic('a', 'old')}` }, socket)).toThrow(/has expired/)
    expect(nameOf(rotated, { 'x-api-key': 'new' })).toBe('dash')
  })

  it('a bearer token does not outlive its key', () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      const expiresAt = Date.now() + 50
      const brief = withKeys([{ ...key('dash', 'old'), expiresAt }, key('dash', 'new')])
      const headers = { authorization: `Bearer ${login(brief, 'old')}` }
      expect(nameOf(brief, headers)).toBe('dash')
      vi.setSystemTime(expiresAt)
      expect(() => brief.authenticate(headers, socket)).toThrow(/expired/)
    } finally {
      vi.useRealTimers()
    }
  })

  it('removed by an update: the key and its bearer tokens end, those of the other key go on', () => {
    const keys = [key('dash', 'old'), key('dash', 'new')]
    const live = withKeys(keys)
    const tokens = ['old', 'new'].map((secret) => ({ authorization: `Bearer ${login(live, secret)}` }))
    const before = live.authenticate(tokens[1]!, socket)
    expect(nameOf(live, tokens[0]!)).toBe('dash')
    live.update({ ...noOthers, apiKeys: keys.slice(1) })
    expect(() => live.authenticate({ 'x-api-key': 'old' }, socket)).toThrow(/wrong/)
    expect(() => live.authenticate(tokens[0]!, socket)).toThrow(/log in again/)
    expect(live.authenticate(tokens[1]!, socket)).toBe(before)
    live.update({ ...noOthers, apiKeys: [{ ...keys[1]!, roles: ['admin'] }] })
    expect(live.authenticate(tokens[1]!, socket)).toMatchObject({ name: 'dash', roles: ['admin'] })
  })

  it('tell when the last one ends', () => {
    const [early, late] = [soon(), soon() + 1000]
    const some = withKeys([
      { ...key('dash', 'a'), expiresAt: early },
      { ...key('dash', 'b'), expiresAt: late },
      { ...key('etl', 'c'), expiresAt: early },
      key('etl', 'd'),
    ])
    expect(some.keyExpiries()).toEqual([{ principal: 'dash', expiresAt: late }])
  })
})
