import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../wait-for.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

describe.runIf(hasPython())('bulk ingestion by ADBC', () => {
  let gateway: GatewayProcess
  let seen: Record<string, unknown>

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'writer', key: 'w', roles: ['writer'] },
          { name: 'reader', key: 'r', roles: ['reader'] },
        ],
      },
      sources: { demo: { kind: 'duckdb', writes: true } },
    })
    seen = await runPython('ingest.py', gateway.uri, 'writer', 'w')
  })
  afterAll(async () => {
    // The gateway ends what the client left open once it sees that the connection is closed.
    for (const name of ['flightgate_transactions_open', 'flightgate_statements_in_flight'])
      await waitFor(async () => (await gateway.metric(name)) === 0, `${name} to be 0`)
    expect(await gateway.stop()).toBe(0)
  })

  const failure = (step: string) => seen[step] as { status: string; text: string }

  it('keeps every value of every type', () => {
    expect(seen['every_type']).toBe(5000)
    const values = seen['every_value'] as Record<string, boolean>
    expect(Object.keys(values)).toHaveLength(26)
    expect(Object.entries(values).filter(([, same]) => !same)).toEqual([])
    expect(seen['uuids']).toEqual([0, 1, 2].map((i) => ({ t: 'UUID', u: `00000000-0000-0000-0000-00000000000${i}` })))
  })

  it('creates, appends, replaces', () => {
    expect(seen['create']).toBe(3)
    expect(seen['append']).toEqual([3, 6])
    expect(seen['replace']).toEqual([3, 3])
    expect(seen['replace_missing']).toBe(3)
    expect(seen['create_append']).toEqual([3, 3, 6])
    expect(seen['into_schema']).toBe(3)
  })

  it('matches columns by name and casts values', () => {
    expect(seen['append_by_name_and_cast']).toEqual([{ i: 9, s: 'by name' }])
    expect(failure('append_unknown_column')).toMatchObject({ status: 'INVALID_ARGUMENT' })
    expect(failure('append_unknown_column').text).toContain('nope')
  })

  it('impossible ingestion: client gets the status and reason', () => {
    expect(failure('create_existing')).toMatchObject({ status: 'ALREADY_EXISTS' })
    expect(failure('append_missing')).toMatchObject({ status: 'NOT_FOUND' })
    expect(failure('into_unknown_catalog')).toMatchObject({ status: 'NOT_FOUND' })
    expect(failure('temporary')).toMatchObject({ status: 'NOT_IMPLEMENTED' })
    expect(failure('by_a_reader')).toMatchObject({ status: 'UNAUTHORIZED' })
    expect(failure('by_a_reader').text).toContain('lacks the grant ingest on')
  })

  it('is atomic: a failed ingestion stores no row', () => {
    expect(seen['broken_off']).toBe(0)
    expect(failure('violated_constraint')).toMatchObject({ status: 'INVALID_ARGUMENT' })
    expect(seen['violated_constraint_left']).toBe(0)
    expect(seen['in_transaction']).toBe(0)
  })

  it('streams 40 batches of 65,536 rows', () => {
    expect(seen['stream']).toEqual([40 * 65_536, (40 * 65_536 * 65_535) / 2])
  })
})
