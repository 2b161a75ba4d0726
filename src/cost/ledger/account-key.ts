import type { Account, Reservation } from './ledger.ts'

/** Name of an account in a ledger. Names of sources, principals and groups hold no slash. */
export function accountKey({ kind, name }: Account): string {
  return kind === 'gateway' ? kind : `${kind}/${name}`
}

/** Accounts that pay for a statement: the gateway, its source, its principal and each of its groups. */
export function accountsOf({
  source,
  principal,
  groups,
}: Pick<Reservation, 'source' | 'principal' | 'groups'>): Account[] {
  return [
    { kind: 'gateway', name: '' },
    { kind: 'source', name: source },
    { kind: 'principal', name: principal },
    ...[...new Set(groups)].map((name) => ({ kind: 'group' as const, name })),
  ]
}
