import { expect, it } from 'vitest'
import { CallSessions } from '../../../src/fronts/grpc/session-cookie.ts'
import type { GrpcCall } from '../../../src/grpc/server/call.ts'
import type { Context } from '../../../src/query/types.ts'
import { MemoryStore } from '../../../src/state/memory.ts'
import { Sessions } from '../../../src/statements/sessions.ts'

const limits = { sessionIdleMs: 60_000, maxSessionsPerPrincipal: 10 }
const principal = { name: 'me', roles: [] }
const ctx = { principal } as unknown as Context

/** Two replicas that share a store, and calls of one client on a connection to each. */
function twoReplicas() {
  const store = new MemoryStore(1 << 20)
  const [first, second] = [0, 1].map(() => new CallSessions(new Sessions(store, limits)))
  const connection = () => {
    const listeners: (() => void)[] = []
    const close = () => {
      for (const listener of listeners) listener()
    }
    return { close, isLeaving: false, onceClosed: (listener: () => void) => void listeners.push(listener) }
  }
  const sent: string[] = []
  const callOn = (on: object, headers: Readonly<Record<string, string>> = {}) =>
    ({
      connection: on,
      principal,
      headers,
      header: (name: string) => headers[name],
      sendHeaders: (more: Record<string, string>) => sent.push(more['set-cookie']!.split(';')[0]!),
    }) as unknown as GrpcCall
  return { first: first!, second: second!, connection, callOn, sent }
}

/** Lets work on the store in memory end. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 20))

it('a session outlives the connection that created it, if its cookie came back at another replica', async () => {
  const { first, second, connection, callOn, sent } = twoReplicas()
  const [one, two] = [connection(), connection()]
  await first.write(callOn(one), ctx, { schema: 'other' })
  const withCookie = callOn(two, { cookie: sent[0]! })
  expect(await second.read(withCookie, ctx)).toEqual({ schema: 'other' })
  one.close()
  await settled()
  expect(await second.read(withCookie, ctx)).toEqual({ schema: 'other' })
})

it('a session whose options were changed at another replica outlives the connection too', async () => {
  const { first, second, connection, callOn, sent } = twoReplicas()
  const [one, two] = [connection(), connection()]
  await first.write(callOn(one), ctx, { schema: 'other' })
  const withCookie = callOn(two, { cookie: sent[0]! })
  await second.write(withCookie, ctx, { schema: 'third' })
  one.close()
  await settled()
  expect(await first.read(withCookie, ctx)).toEqual({ schema: 'third' })
})

it('a session whose cookie never came back ends with its connection', async () => {
  const { first, second, connection, callOn, sent } = twoReplicas()
  const one = connection()
  await first.write(callOn(one), ctx, { schema: 'other' })
  one.close()
  await settled()
  expect(await second.read(callOn(connection(), { cookie: sent[0]! }), ctx)).toEqual({})
})
