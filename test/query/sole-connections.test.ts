import { describe, expect, it } from 'vitest'
import { SoleConnections } from '../../src/query/transactions/sole-connections.ts'

class Connection {
  isLeaving = false
  listeners: (() => void)[] = []
  onceClosed(listener: () => void): void {
    this.listeners.push(listener)
  }
  close(): void {
    for (const listener of this.listeners) listener()
  }
}

function watched() {
  const lost: object[] = []
  const sole = new SoleConnections<object>((thing) => lost.push(thing))
  return { lost, sole, thing: {}, first: new Connection(), second: new Connection() }
}

describe('SoleConnections', () => {
  it('a connection ends: reports the things that only this connection used', () => {
    const { lost, sole, thing, first, second } = watched()
    const other = {}
    for (const each of [thing, thing, other]) sole.use(each, first)
    sole.forget(other)
    second.close()
    expect(lost).toEqual([])
    first.close()
    expect(lost).toEqual([thing])
    // The connection has one listener, however many things it uses.
    expect(first.listeners).toHaveLength(1)
  })

  it('reports nothing for things that several connections used, concurrently or in turn', () => {
    const { lost, sole, thing, first, second } = watched()
    const later = {}
    sole.use(thing, first)
    sole.use(thing, second)
    sole.use(later, first)
    first.close()
    expect(lost).toEqual([later])
    sole.use(later, second)
    second.close()
    expect(lost).toEqual([later])
  })

  it('a drained connection ends: its things pass to the client’s next connection', () => {
    const { lost, sole, thing, first, second } = watched()
    sole.use(thing, first)
    first.isLeaving = true
    first.close()
    expect(lost).toEqual([])
    sole.use(thing, second)
    second.close()
    expect(lost).toEqual([thing])
  })
})
