import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { State } from '../../src/state/open.ts'

/** The state as two replicas open it; both are the same object for a state of a single replica. */
export interface Replicas {
  readonly one: State
  readonly other: State
}

const TTL_MS = 60_000
const SHORT_MS = 20
const bytes = (text: string) => new Uint8Array(Buffer.from(text))

/** The contract of every implementation of the ports `Store`, `Blobs` and `Bus`. */
export function describeState(name: string, open: () => Replicas | Promise<Replicas>): void {
  describe(`the state ${name}`, () => {
    let one: State
    let other: State
    let keys = 0
    const newKey = () => `key-${process.pid}-${keys++}`
    beforeAll(async () => {
      ;({ one, other } = await open())
    })
    afterAll(async () => {
      await one.close()
      if (other !== one) await other.close()
    })

    it('a value is visible to every replica until it is deleted', async () => {
      const key = newKey()
      expect(await one.store.get(key)).toBeUndefined()
      await one.store.set(key, bytes('first'), TTL_MS)
      await one.store.set(key, bytes('second'), TTL_MS)
      expect(await other.store.get(key)).toEqual(bytes('second'))
      await other.store.delete(key)
      expect(await one.store.get(key)).toBeUndefined()
    })

    it('a value expires after its TTL, unless it is touched', async () => {
      const [short, touched] = [newKey(), newKey()]
      await one.store.set(short, bytes('a'), SHORT_MS)
      // A second is over before the touch on a machine that stops meanwhile.
      const isTouched = async () => {
        await one.store.set(touched, bytes('b'), 1000)
        return await other.store.touch(touched, TTL_MS)
      }
      await expect.poll(isTouched).toBe(true)
      expect(await other.store.touch(newKey(), TTL_MS)).toBe(false)
      await expect.poll(() => one.store.get(short)).toBeUndefined()
      await new Promise((resolve) => setTimeout(resolve, 1000))
      expect(await one.store.get(touched)).toEqual(bytes('b'))
    })

    it('concurrent setIfAbsent of several replicas: exactly one succeeds', async () => {
      const key = newKey()
      const values = Array.from({ length: 10 }, (_, i) => bytes(`${i}`))
      const set = await Promise.all(
        values.map((value, i) => (i % 2 ? one : other).store.setIfAbsent(key, value, TTL_MS)),
      )
      expect(set.filter(Boolean)).toHaveLength(1)
      expect(await other.store.get(key)).toEqual(values[set.indexOf(true)])
      await one.store.delete(key)
      expect(await one.store.setIfAbsent(key, bytes('again'), TTL_MS)).toBe(true)
    })

    it('setIfAbsent succeeds again after the value has expired', async () => {
      const key = newKey()
      await one.store.setIfAbsent(key, bytes('a'), SHORT_MS)
      await expect.poll(() => other.store.setIfAbsent(key, bytes('b'), TTL_MS)).toBe(true)
    })

    it('concurrent increments of several replicas all count', async () => {
      const key = newKey()
      expect(await one.store.increment(key, 0, TTL_MS)).toBe(0)
      const values = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (i % 2 ? one : other).store.increment(key, i, TTL_MS)),
      )
      expect(Math.max(...values)).toBe(45)
      expect(await other.store.increment(key, 2 ** 40, TTL_MS)).toBe(45 + 2 ** 40)
      expect(await one.store.increment(key, -45, TTL_MS)).toBe(2 ** 40)
      expect(await other.store.increment(key, 0, TTL_MS)).toBe(2 ** 40)
    })

    it('a counter begins at 0 again when the TTL of its first increment has ended', async () => {
      const key = newKey()
      await one.store.increment(key, 5, 200)
      await expect.poll(() => other.store.increment(key, 1, TTL_MS)).toBe(1)
      const deleted = newKey()
      await one.store.increment(deleted, 5, TTL_MS)
      await other.store.delete(deleted)
      expect(await one.store.increment(deleted, 0, TTL_MS)).toBe(0)
    })

    it('concurrent addMember of several replicas: the set never exceeds its limit', async () => {
      const key = newKey()
      const added = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (i % 2 ? one : other).store.addMember(key, `m${i}`, TTL_MS, 3)),
      )
      expect(added.filter(Boolean)).toHaveLength(3)
    })

    it('full set: an existing member can be added again, a new one once another is removed', async () => {
      const key = newKey()
      for (const member of ['a', 'b']) expect(await one.store.addMember(key, member, TTL_MS, 2)).toBe(true)
      expect(await other.store.addMember(key, 'c', TTL_MS, 2)).toBe(false)
      expect(await other.store.addMember(key, 'a', TTL_MS, 2)).toBe(true)
      await one.store.removeMember(key, 'b')
      await one.store.removeMember(newKey(), 'b')
      expect(await other.store.addMember(key, 'c', TTL_MS, 2)).toBe(true)
    })

    it('a member expires after its own TTL, unless it is added again', async () => {
      const key = newKey()
      await one.store.addMember(key, 'short', SHORT_MS, 2)
      await one.store.addMember(key, 'kept', SHORT_MS, 2)
      await other.store.addMember(key, 'kept', TTL_MS, 2)
      await expect.poll(() => other.store.addMember(key, 'new', TTL_MS, 2)).toBe(true)
      expect(await one.store.members(key, 3)).toEqual(['kept', 'new'])
      expect(await one.store.members(key, 1)).toEqual(['kept'])
      expect(await one.store.members(newKey(), 3)).toEqual([])
      expect(await one.store.addMember(key, 'one too many', TTL_MS, 2)).toBe(false)
    })

    it('a blob is visible to every replica until its TTL ends', async () => {
      const [long, short] = [newKey(), newKey()]
      await one.blobs.set(long, bytes('blob'), TTL_MS, 'me')
      await one.blobs.set(short, bytes('blob'), SHORT_MS, 'me')
      expect(await other.blobs.get(long)).toEqual(bytes('blob'))
      await expect.poll(() => other.blobs.get(short)).toBeUndefined()
    })

    it('a message reaches the subscribers of its topic on every replica', async () => {
      const topic = newKey()
      const heard: string[] = []
      const heardOf = (message: string) => heard.filter((each) => each.endsWith(message)).sort()
      const ends = [one, other].map(({ bus }, i) => bus.subscribe(topic, (message) => heard.push(`${i}: ${message}`)))
      // A replica hears what is published once it has subscribed.
      const subscribed = async () => {
        await one.bus.publish(topic, 'a first message')
        return new Set(heard).size
      }
      await expect.poll(subscribed).toBe(2)
      await one.bus.publish(newKey(), 'other topic')
      await one.bus.publish(topic, 'hello')
      await expect.poll(() => heardOf('hello')).toEqual(['0: hello', '1: hello'])
      ends[0]!()
      await other.bus.publish(topic, 'again')
      await expect.poll(() => heardOf('again')).toEqual(['1: again'])
      expect(heardOf('other topic')).toEqual([])
      ends[1]!()
    })
  })
}
