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
  it('tells of what was used from one connection alone when that ends', () => {
    const { lost, sole, thing, first, second } = watched()
    const other = {}
    for (const each of [thing, thing, other]) sole.use(each, first)
    sole.forget(other)
    second.close()
    expect(lost).toEqual([])
    first.close()
    expect(lost).toEqual([thing])
    // However many things, the connection holds one listener.
    expect(first.listeners).toHaveLength(1)
  })

  it('tells nothing of what several connections have used, at the same time or after one another', () => {
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

  it('lets the next connection take the place of one that the client was asked to leave', () => {
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
