import { describe, expect, it } from 'vitest'
import { allows, allowsSome, demand, sees, type Target } from '../../../src/query/access/allows.ts'
import { type Grant, type Verb, verbs } from '../../../src/query/access/grant.ts'
import { operatedSources } from '../../../src/query/access/operated.ts'
import { grantsOfRoles } from '../../../src/query/access/roles.ts'

const holding = (...grants: Grant[]) => ({
  name: 'dash',
  roles: ['own'],
  grants: grantsOfRoles(['own'], { own: { grants } }),
})
const orders = { source: 'lake', catalog: 'lake', schema: 'sales', table: 'orders' }

describe('the built-in roles', () => {
  it.each([
    ['reader', ['read', 'estimate']],
    ['writer', ['read', 'write', 'estimate', 'ingest']],
    ['operator', ['operate']],
    ['admin', [...verbs]],
    ['nobody', []],
  ] as const)('%s allows its verbs everywhere, and nothing else', (role, allowed) => {
    for (const grants of [undefined, grantsOfRoles([role])]) {
      const principal = { roles: [role], ...(grants && { grants }) }
      expect(verbs.filter((verb) => allows(principal, verb))).toEqual(allowed)
      expect(verbs.filter((verb) => allows(principal, verb, orders))).toEqual(allowed)
    }
  })

  it('cannot be redefined', () => {
    const grants = grantsOfRoles(['reader'], { reader: { grants: [{ verbs: ['write'] }] } })
    expect(allows({ roles: ['reader'], grants }, 'write')).toBe(false)
  })
})

describe('a grant', () => {
  it.each<[string, Grant, Target, boolean]>([
    ['of a source', { verbs: ['read'], sources: ['Lake'] }, orders, true],
    ['of a source', { verbs: ['read'], sources: ['Lake'] }, { ...orders, source: 'LAKE' }, true],
    ['of a source', { verbs: ['read'], sources: ['Lake'] }, { ...orders, source: 'sea' }, false],
    ['of a source, for all sources', { verbs: ['read'], sources: ['lake'] }, {}, false],
    ['of a schema', { verbs: ['read'], schemas: ['Sales'] }, orders, true],
    ['of a schema', { verbs: ['read'], schemas: ['sales'] }, { ...orders, schema: 'hr' }, false],
    ['of a schema, for its source', { verbs: ['read'], schemas: ['sales'] }, { source: 'lake' }, false],
    ['of a schema with its catalog', { verbs: ['read'], schemas: ['lake.sales'] }, orders, true],
    ['of a schema of another catalog', { verbs: ['read'], schemas: ['sea.sales'] }, orders, false],
    ['of a table', { verbs: ['read'], tables: ['SALES.orders'] }, { ...orders, table: 'Orders' }, true],
    ['of a table with its catalog', { verbs: ['read'], tables: ['lake.sales.orders'] }, orders, true],
    ['of another table', { verbs: ['read'], tables: ['sales.people'] }, orders, false],
    [
      'of a table, for its schema',
      { verbs: ['read'], tables: ['sales.orders'] },
      { ...orders, table: undefined },
      false,
    ],
    ['of a table and another schema', { verbs: ['read'], schemas: ['hr'], tables: ['sales.orders'] }, orders, false],
    ['of another verb', { verbs: ['write'] }, orders, false],
  ])('%s', (_, grant, target, expected) => {
    expect(allows(holding(grant), 'read', target)).toBe(expected)
  })

  it('adds to others, but never across members', () => {
    const principal = holding({ verbs: ['read'], sources: ['lake'] }, { verbs: ['write'], sources: ['sea'] })
    const may = (verb: Verb, source: string) => allows(principal, verb, { source })
    expect([may('read', 'lake'), may('write', 'sea'), may('write', 'lake'), may('read', 'sea')]).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  it('that is missing is named', () => {
    const none = holding({ verbs: ['estimate'] })
    const missing = (verb: Verb, target: Target) => () => demand(none, verb, target)
    expect(missing('read', orders)).toThrow('dash lacks the grant read on lake.sales.orders: a role must grant it.')
    expect(missing('write', { source: 'lake' })).toThrow('dash lacks the grant write on lake: a role must grant it.')
    expect(missing('read', { ...orders, catalog: 'prod' })).toThrow('read on lake.prod.sales.orders:')
    expect(missing('operate', {})).toThrow(
      expect.objectContaining({
        code: 'FORBIDDEN',
        message: 'dash lacks the grant operate on all sources: a role must grant it.',
      }),
    )
  })

  it('of a part of a source shows the source', () => {
    const part = holding({ verbs: ['read'], sources: ['lake'], tables: ['sales.orders'] })
    expect([sees(part, 'lake'), allowsSome(part, 'read', 'lake'), allowsSome(part, 'write', 'lake')]).toEqual([
      true,
      true,
      false,
    ])
    expect(sees(part, 'sea')).toBe(false)
  })

  it('to operate tells the sources', () => {
    expect(operatedSources(holding({ verbs: ['operate'], sources: ['Lake'] }, { verbs: ['read'] }))).toEqual(['lake'])
    expect(operatedSources(holding({ verbs: ['operate'] }))).toBe('all')
    expect(operatedSources(holding({ verbs: ['read'] }))).toEqual([])
  })
})
