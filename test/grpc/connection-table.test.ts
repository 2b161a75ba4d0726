import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  ConnectionTable,
  type TableEntry,
  type TableLimits,
} from '../../src/grpc/server/connections/connection-table.ts'
import { networkOf } from '../../src/http2/peer-address.ts'

const WITHIN_MS = 1000

/** A table, and fake sockets with only an address and a port. */
class Clients {
  readonly table: ConnectionTable
  readonly open = new Set<string>()
  #port = 0

  constructor(limits: Partial<TableLimits>) {
    this.table = new ConnectionTable({ maxConnections: 6, authenticateWithinMs: WITHIN_MS, ...limits })
  }

  /** Connects from an address; returns the table's entry, or undefined when the table refused it. */
  connect(address: string): TableEntry | undefined {
    const port = ++this.#port
    const key = `${address}:${port}`
    const socket = Object.assign(new EventEmitter(), {
      remoteAddress: address,
      remotePort: port,
      destroy: () => {
        this.open.delete(key)
        socket.emit('close')
      },
    })
    if (!this.table.admit(socket as unknown as Socket)) return undefined
    this.open.add(key)
    return this.table.entryOf(key)
  }

  count(address: string): number {
    return [...this.open].filter((key) => key.startsWith(`${address}:`)).length
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})
const wait = (ms: number) => vi.setSystemTime(Date.now() + ms)

describe('a full table of connections', () => {
  it('refuses a new connection of the same address while the others are within the grace period', () => {
    const clients = new Clients({})
    for (let i = 0; i < 6; i++) expect(clients.connect('10.0.0.1')).toBeDefined()
    expect(clients.connect('10.0.0.1')).toBeUndefined()
    expect(clients.open.size).toBe(6)
  })

  it('evicts the oldest connection that has not authenticated a call in time', () => {
    const clients = new Clients({})
    const first = clients.connect('10.0.0.1')!
    const second = clients.connect('10.0.0.1')!
    clients.table.authenticated(first)
    for (let i = 0; i < 4; i++) clients.connect('10.0.0.1')
    wait(WITHIN_MS)
    expect(clients.connect('10.0.0.2')).toBeDefined()
    expect(clients.open.has(first.key)).toBe(true)
    expect(clients.open.has(second.key)).toBe(false)
    expect(clients.open.size).toBe(6)
  })

  it('evicts unauthenticated connections of the address that holds the most', () => {
    const clients = new Clients({})
    clients.connect('10.0.0.2')
    for (let i = 0; i < 5; i++) clients.connect('10.0.0.1')
    wait(WITHIN_MS)
    for (let i = 0; i < 20; i++) clients.connect('10.0.0.1')
    expect([clients.count('10.0.0.1'), clients.count('10.0.0.2')]).toEqual([5, 1])
  })

  it('evicts recent connections of an address that holds more than the new one, so no address fills the table', () => {
    const clients = new Clients({})
    for (let i = 0; i < 6; i++) clients.connect('10.0.0.1')
    for (let i = 0; i < 10; i++) clients.connect('10.0.0.2')
    expect([clients.count('10.0.0.1'), clients.count('10.0.0.2')]).toEqual([3, 3])
  })

  it('never evicts a connection in use; from an address above half of the table it evicts the longest idle', () => {
    const clients = new Clients({})
    const entries = Array.from({ length: 6 }, () => clients.connect('10.0.0.1')!)
    for (const entry of entries) {
      clients.table.authenticated(entry)
      entry.streams = 1
    }
    expect(clients.connect('10.0.0.2')).toBeUndefined()
    entries[3]!.streams = 0
    entries[4]!.streams = 0
    entries[3]!.idleSince += 10
    expect(clients.connect('10.0.0.2')).toBeDefined()
    expect(entries.map(({ key }) => clients.open.has(key))).toEqual([true, true, true, true, false, true])
  })

  it('limit per address: refuses connections above it, and counts an IPv6 /64 network as one address', () => {
    const clients = new Clients({ maxConnectionsPerAddress: 2 })
    expect(clients.connect('2001:db8::1')).toBeDefined()
    expect(clients.connect('2001:db8::2')).toBeDefined()
    expect(clients.connect('2001:db8::3')).toBeUndefined()
    expect(clients.connect('2001:db8:0:1::3')).toBeDefined()
    wait(WITHIN_MS)
    expect(clients.connect('2001:db8::4')).toBeDefined()
    expect(clients.open.size).toBe(3)
  })
})

it.each([
  ['10.1.2.3', '10.1.2.3'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  [undefined, 'unknown'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
