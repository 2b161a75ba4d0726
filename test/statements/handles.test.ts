import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CacheControl } from '../../src/query/cache/cache-control.ts'
import type { Sealed } from '../../src/query/seal/sealed.ts'
import { Sealer } from '../../src/query/seal/sealer.ts'
import type { PlannedCost, PlannedRead, PlannedUpdate, Query, SessionOptions } from '../../src/query/types.ts'
import { type Poll, pollHandles } from '../../src/statements/handles/poll.ts'
import { type BoundParameters, type PreparedStatement, preparedHandles } from '../../src/statements/handles/prepared.ts'
import { type StatementTicket, statementTickets } from '../../src/statements/handles/ticket.ts'
import { type Savepoint, savepointHandles, transactionHandles } from '../../src/statements/handles/transaction.ts'

/** A generator for each member of `T`: the compiler fails here, as in the tables of fields, when one is missing. */
type Generators<T> = { readonly [K in keyof Required<T>]: fc.Arbitrary<Exclude<T[K], undefined>> }

/** A member that a handle leaves out. */
const absent = 'absent'
type Travelling<T> = { readonly [K in keyof Required<T>]: Generators<T>[K] | typeof absent }

/** Records without some of their optional members. */
function recordOf<T>(generators: Travelling<T>, ...required: (keyof T)[]): fc.Arbitrary<T> {
  const travelling = Object.fromEntries(Object.entries(generators).filter(([, generator]) => generator !== absent))
  return fc.record(travelling as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: required as string[],
    noNullPrototype: true,
  }) as fc.Arbitrary<T>
}

const anyText = fc.string({ unit: 'grapheme', maxLength: 40 })
const anyBytes = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes))
const cacheControl = recordOf<CacheControl>({
  noCache: fc.boolean(),
  noStore: fc.boolean(),
  maxAgeMs: fc.nat(),
  minFreshMs: fc.nat(),
  maxStaleMs: fc.constant(Number.MAX_SAFE_INTEGER),
  onlyIfCached: fc.boolean(),
  ttlMs: fc.nat(),
  key: fc.string(),
  tags: fc.array(anyText),
})
const session = recordOf<SessionOptions>({
  catalog: anyText,
  schema: anyText,
  timeoutMs: fc.nat(),
  cache: fc.boolean(),
  losslessTypes: fc.boolean(),
  dictionaries: fc.boolean(),
  maxCostUsd: fc.nat(),
  maxBilledBytes: fc.nat(),
  label: fc.string(),
  cacheControl,
})
const query = recordOf<Query>(
  {
    source: anyText,
    sql: anyText,
    session,
    transaction: anyText,
    rawCommand: fc.constant(true),
    purpose: fc.constant('any'),
    parameters: absent,
    describe: absent,
    estimate: absent,
  },
  'source',
  'sql',
  'session',
  'purpose',
)
const cost = recordOf<PlannedCost>(
  {
    billableBytes: fc.nat(),
    mostBytes: fc.nat(),
    likelyBytes: fc.nat(),
    costUsd: fc.nat(),
    accuracy: fc.constant('exact'),
    region: anyText,
    reservation: anyText,
    externalCosts: fc.array(anyText),
  },
  'accuracy',
  'region',
)
const planned = {
  query,
  handle: anyBytes,
  execution: absent,
  schema: absent,
  cost,
  planMs: fc.nat(),
  grantsDigest: anyText,
} as const
const statement = fc.oneof(
  recordOf<PlannedRead>(
    { kind: fc.constant('read'), ...planned, mayWrite: absent, schemaDigest: anyText, isRecorded: absent },
    'kind',
    'query',
  ),
  recordOf<PlannedUpdate>({ kind: fc.constant('update'), ...planned }, 'kind', 'query'),
)
const bound = recordOf<BoundParameters>({ inline: anyText, key: anyText })
const ticket = recordOf<StatementTicket>(
  { id: anyText, statement, bound, owner: anyText, stored: fc.boolean(), rows: anyBytes },
  'id',
  'statement',
  'stored',
)
const poll = recordOf<Poll>(
  { ticket, planned: fc.boolean(), schema: anyBytes, request: anyBytes },
  'ticket',
  'planned',
  'schema',
  'request',
)
const prepared = recordOf<PreparedStatement>({ query, bound }, 'query')
const savepoint = recordOf<Savepoint>({ transaction: anyText, savepoint: anyBytes }, 'transaction', 'savepoint')

const principal = { name: 'dash', roles: [] }
const sealer = new Sealer(['first key'])
const replica = new Sealer(['first key'])
const expiresAt = Date.now() + 3_600_000

/** Seals generated values, and opens them here and at another replica. */
function roundTrip<T>(kind: Sealed<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      const handle = kind.seal(sealer, principal, expiresAt, value)
      for (const each of [sealer, replica])
        expect(kind.open(each, principal, handle)).toStrictEqual({ value, expiresAt })
    }),
    { numRuns: 300, interruptAfterTimeLimit: 5000 },
  )
}

describe('a handle holds every field that it was sealed with:', () => {
  it('tickets', () => roundTrip(statementTickets, ticket))
  it('polls', () => roundTrip(pollHandles, poll))
  it('prepared statements', () => roundTrip(preparedHandles, prepared))
  it('transactions', () => roundTrip(transactionHandles, anyText))
  it('savepoints', () => roundTrip(savepointHandles, savepoint))
})

describe('a ticket', () => {
  const plan = {
    kind: 'read',
    query: { source: 'demo', sql: 'SELECT * FROM intTable WHERE id = 1', session: {}, purpose: 'any' },
    handle: Buffer.alloc(32, 7),
  } as const
  const id = 'd0e0a7a8-4b5c-4f1d-9b3d-1a2b3c4d5e6f'

  it('leaves out the schema, bound parameters, and fields decided at run time', () => {
    const query = { ...plan.query, parameters: new Uint8Array(1000), describe: true }
    const whole = { ...plan, query, schema: new Uint8Array(1000), mayWrite: true, execution: 'e' }
    const handle = statementTickets.seal(sealer, principal, expiresAt, { id, statement: whole, stored: false })
    const { value } = statementTickets.open(replica, principal, handle)
    expect(value).toStrictEqual({ id, statement: plan, stored: false })
  })

  it('of a short statement takes no more than 210 bytes', () => {
    const handle = statementTickets.seal(sealer, principal, expiresAt, { id, statement: plan, stored: false })
    expect(handle.byteLength).toBeLessThanOrEqual(210)
  })
})
