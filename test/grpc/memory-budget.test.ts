import { describe, expect, it } from 'vitest'
import { MemoryBudget } from '../../src/grpc/server/requests/memory-budget.ts'

const budget = (maxBytes = 1000, maxMessageBytes = 0) => new MemoryBudget(maxBytes, maxMessageBytes)
const full = expect.objectContaining({ code: 'QUEUE_FULL' })
const ignore = () => {}

describe('MemoryBudget', () => {
  it('limits a connection to a quarter, an address to half, and unauthenticated calls to a separate eighth', () => {
    const { authenticated, anonymous } = budget()
    const [a, b, c] = ['one', 'one', 'one'].map((address) => authenticated.connect(address, ignore).openCall())
    a!.take(250)
    expect(() => a!.take(1)).toThrow(full)
    b!.take(250)
    expect(() => c!.take(1)).toThrow(full)
    const other = authenticated.connect('other', ignore)
    other.openCall().take(250)
    authenticated.connect('other', ignore).openCall().take(250)
    expect(() => authenticated.connect('third', ignore).openCall().take(1)).toThrow(full)
    anonymous.connect('one', ignore).openCall().take(31)
    expect(() => anonymous.connect('one', ignore).openCall().take(32)).toThrow(full)
  })

  it('lets one connection hold the largest message twice, even above its quarter', () => {
    const { authenticated } = budget(1000, 300)
    const call = authenticated.connect('one', ignore).openCall()
    call.take(600)
    expect(() => call.take(1)).toThrow(full)
  })

  it('a call closes: its memory is returned, and it can take no more', () => {
    const each = budget()
    const share = each.authenticated.connect('one', ignore)
    const call = share.openCall()
    call.take(200)
    call.give(50)
    expect(each.heldBytes).toBe(150)
    call.close()
    call.give(50)
    expect(each.heldBytes).toBe(0)
    expect(() => call.take(1)).toThrow(expect.objectContaining({ code: 'CANCELLED' }))
  })

  it('budget full: evicts the oldest incomplete request before it refuses another', () => {
    const each = budget()
    const share = each.authenticated.connect('one', ignore)
    const ended: string[] = []
    const incomplete = (name: string, bytes: number) => {
      const call = share.openCall()
      call.take(bytes)
      call.begin((error) => {
        ended.push(`${name} ${error.code}`)
        call.give(bytes)
      })
      return call
    }
    incomplete('first', 100)
    const second = incomplete('second', 100)
    share.openCall().take(40)
    const third = incomplete('third', 100)
    expect(ended).toEqual(['first QUEUE_FULL'])
    second.finish()
    second.take(10)
    expect(() => second.take(200)).toThrow(full)
    expect(ended).toEqual(['first QUEUE_FULL', 'third QUEUE_FULL'])
    third.close()
    expect(each.heldBytes).toBe(150)
  })

  it('an address above its share cannot evict requests of other addresses', () => {
    const each = budget()
    const ended: string[] = []
    const innocent = each.authenticated.connect('innocent', ignore).openCall()
    innocent.take(200)
    innocent.begin(() => ended.push('innocent'))
    for (let i = 0; i < 20; i++)
      try {
        each.authenticated.connect('greedy', ignore).openCall().take(100)
      } catch (error) {
        expect(error).toEqual(full)
      }
    expect(ended).toEqual([])
    expect(each.heldBytes).toBe(700)
  })

  it('reports each refusal to its connection, and forgets addresses without connections', () => {
    const each = budget()
    let refused = 0
    const share = each.authenticated.connect('one', () => {
      refused++
    })
    const call = share.openCall()
    for (let i = 0; i < 3; i++) expect(() => call.take(300)).toThrow(full)
    expect(refused).toBe(3)
    share.close()
    each.authenticated.connect('one', ignore).openCall().take(250)
  })
})
