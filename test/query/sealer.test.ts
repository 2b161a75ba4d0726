import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GatewayError } from '../../src/query/errors.ts'
import { Sealer, SealKind } from '../../src/query/seal/sealer.ts'

const codeOf = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    return (error as GatewayError).code
  }
  return 'none'
}

describe('Sealer', () => {
  const sealer = new Sealer(['first key'])
  const sealed = sealer.seal(SealKind.ticket, 'dash', 1_800_000_000_000, Buffer.from('payload'))

  it('opens what it sealed, on any replica with the key', () => {
    for (const replica of [sealer, new Sealer(['first key']), new Sealer(['newer key', 'first key'])]) {
      const opened = replica.open(SealKind.ticket, sealed)
      expect(opened.payload.toString()).toBe('payload')
      expect(opened.principal).toBe('dash')
      expect(opened.expiresAt).toBe(1_800_000_000_000)
    }
  })

  it('hides the content and never gives the same bytes twice', () => {
    const again = sealer.seal(SealKind.ticket, 'dash', 1_800_000_000_000, Buffer.from('payload'))
    expect(sealed.includes('payload')).toBe(false)
    expect(sealed.includes('dash')).toBe(false)
    expect(again.equals(sealed)).toBe(false)
  })

  it('refuses another kind, another key and any changed byte', () => {
    expect(codeOf(() => sealer.open(SealKind.bearer, sealed))).toBe('BAD_TICKET')
    expect(codeOf(() => new Sealer(['another key']).open(SealKind.ticket, sealed))).toBe('FORGED_TICKET')
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed)
      changed[i] = changed[i]! ^ 1
      expect(['BAD_TICKET', 'FORGED_TICKET']).toContain(codeOf(() => sealer.open(SealKind.ticket, changed)))
    }
  })

  it('any bytes: refused, without another exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['BAD_TICKET', 'FORGED_TICKET']).toContain(codeOf(() => sealer.open(SealKind.ticket, bytes)))
      }),
      { interruptAfterTimeLimit: 2000 },
    )
  })
})
