import { expect, it } from 'vitest'
import { Revisions } from '../../../src/cache/key/revisions.ts'
import { grantsOfRoles } from '../../../src/query/access/roles.ts'

it('the revision of a principal changes when what its role grants changes', () => {
  const revisions = new Revisions({ version: '1', sources: {}, principals: [{ name: 'ann' }] })
  const revisionWith = (schema: string) => {
    const grants = grantsOfRoles(['own'], { own: { grants: [{ verbs: ['read'], schemas: [schema] }] } })
    return revisions.ofPrincipal({ name: 'ann', roles: ['own'], grants })
  }
  expect(revisionWith('sales')).toBe(revisionWith('Sales'))
  expect(revisionWith('sales')).not.toBe(revisionWith('hr'))
})
