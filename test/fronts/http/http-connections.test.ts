import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { HttpConnections } from '../../../src/fronts/http/call/http-connections.ts'

class FakeSocket extends EventEmitter {
  isDestroyed = false
  readonly remoteAddress: string
  readonly remotePort: number

  constructor(remoteAddress: string, remotePort: number) {
    super()
    this.remoteAddress = remoteAddress
    this.remotePort = remotePort
  }

  destroy(): void {
    this.isDestroyed = true
    this.emit('close')
  }
}

describe('connections of the HTTP port', () => {
  const full = (...addresses: string[]) => {
    const table = new HttpConnections(addresses.length)
    const connect = (address: string, port: number) => {
      const socket = new FakeSocket(address, port)
      table.admit(socket as unknown as Socket)
      return socket
    }
    return { table, connect, sockets: addresses.map(connect) }
  }
  const destroyed = (sockets: readonly FakeSocket[]) => sockets.map(({ isDestroyed }) => isDestroyed)

  it('an address that holds more than half of them replaces only its own', () => {
    const { table, connect, sockets } = full('10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.2')
    expect(connect('10.0.0.2', 9).isDestroyed).toBe(false)
    expect(destroyed(sockets)).toEqual([false, true, false, false])
    expect(connect('10.0.0.3', 9).isDestroyed).toBe(false)
    expect(destroyed(sockets)).toEqual([true, true, false, false])
    expect(table.size).toBe(4)
  })

  it('one that leaves in the middle of a call takes no place', () => {
    const { table, connect, sockets } = full('10.0.0.1', '10.0.0.2')
    const [first] = sockets
    const connection = table.of(first as unknown as Socket)!
    table.callBegan(connection)
    first!.destroy()
    table.callEnded(connection)
    expect(table.size).toBe(1)
    expect(connect('10.0.0.1', 8).isDestroyed).toBe(false)
    expect(destroyed(sockets)).toEqual([true, false])
    expect(connect('10.0.0.3', 9).isDestroyed).toBe(false)
    expect(destroyed(sockets)).toEqual([true, true])
    expect(table.size).toBe(2)
  })
})
