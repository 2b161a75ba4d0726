import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { record, text } from '../../src/query/seal/fields.ts'
import { sealed } from '../../src/query/seal/sealed.ts'
import { Sealer, SealKind } from '../../src/query/seal/sealer.ts'

interface Note {
  readonly name: string
}

const codec = record<Note>({ name: text('n') })
const notes = sealed<Note>(SealKind.ticket, codec)
const strict = sealed<Note>(SealKind.ticket, codec, {
  onUnreadable: (cause) => new GatewayError('BAD_HANDLE', undefined, { cause }),
  onForeign: () => new GatewayError('FORBIDDEN', 'foreign'),
  onExpired: () => new GatewayError('EXPIRED_TOKEN', 'expired'),
})
const dash = { name: 'dash', roles: [] }
const tool = { name: 'tool', roles: [] }
const sealer = new Sealer(['first key'])
const later = () => Date.now() + 60_000
const codeOf = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    return (error as GatewayError).code
  }
  return 'none'
}

describe('a sealed value', () => {
  it('opens for its principal with its expiry, on any replica with the key', () => {
    const expiresAt = later()
    const handle = notes.seal(sealer, dash, expiresAt, { name: 'n' })
    for (const replica of [sealer, new Sealer(['first key'])])
      expect(notes.open(replica, dash, handle)).toEqual({ value: { name: 'n' }, expiresAt })
  })

  it.each([
    ['another principal', notes, 'FOREIGN_TICKET'],
    ['another principal', strict, 'FORBIDDEN'],
  ])('is refused to %s', (_, kind, code) => {
    expect(codeOf(() => kind.open(sealer, tool, kind.seal(sealer, dash, later(), { name: 'n' })))).toBe(code)
  })

  it.each([
    [notes, 'EXPIRED_TICKET'],
    [strict, 'EXPIRED_TOKEN'],
  ])('is refused after it has expired', (kind, code) => {
    expect(codeOf(() => kind.open(sealer, dash, kind.seal(sealer, dash, Date.now(), { name: 'n' })))).toBe(code)
  })

  it.each([
    [notes, 'FORGED_TICKET', 'BAD_TICKET'],
    [strict, 'BAD_HANDLE', 'BAD_HANDLE'],
  ])('is refused when it was changed or never sealed', (kind, forged, bad) => {
    const handle = kind.seal(sealer, dash, later(), { name: 'n' })
    handle[handle.length - 1]! ^= 1
    expect(codeOf(() => kind.open(sealer, dash, handle))).toBe(forged)
    expect(codeOf(() => kind.open(sealer, dash, Buffer.from('no handle')))).toBe(bad)
  })

  it('written in another form by a replica of another version: the client gets BAD_TICKET or BAD_HANDLE', () => {
    for (const written of ['not JSON', '{"x":"another member"}', '["a list"]', '"a text"', 'null']) {
      const handle = sealer.seal(SealKind.ticket, 'dash', later(), Buffer.from(written))
      expect(codeOf(() => notes.open(sealer, dash, handle))).toBe('BAD_TICKET')
      expect(codeOf(() => strict.open(sealer, dash, handle))).toBe('BAD_HANDLE')
    }
  })
})
