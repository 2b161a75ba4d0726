import type { RedisConnection, RedisScript } from '../../../state/redis/redis-connection.ts'
import { accountKey, accountsOf } from '../account-key.ts'
import type {
  Balance,
  BillingCalendar,
  BudgetLimit,
  Ledger,
  LedgerEntry,
  LedgerState,
  OpenReservation,
  Reservation,
  ReserveOutcome,
  Settlement,
} from '../ledger.ts'
import { topOf, usageOf } from './redis-reports.ts'
import { scripts } from './scripts.ts'

const states: readonly LedgerState[] = ['reserved', 'submitted', 'settled', 'released', 'expired']

type Fields = Readonly<Record<string, string>>

/** A ledger in Redis, which several machines may share. Each change is one script, which Redis runs in one step. */
export class RedisLedger implements Ledger {
  readonly #redis: RedisConnection
  readonly #calendar: BillingCalendar
  readonly #prefix: string

  /** The owner of the connection closes it. */
  constructor(redis: RedisConnection, calendar: BillingCalendar) {
    this.#redis = redis
    this.#calendar = calendar
    this.#prefix = ledgerPrefix(redis.keyPrefix)
  }

  async reserve(reservation: Reservation, limits: readonly BudgetLimit[]): Promise<ReserveOutcome> {
    const { id, at, expiresAt, nanoUsd, bytes, source, principal, groups, statement } = reservation
    const [refusedBy, ...sums] = (await this.#run(
      scripts.reserve,
      ...[id, at, expiresAt, nanoUsd, bytes, source, principal],
      JSON.stringify(['', ...new Set(groups)]),
      JSON.stringify(accountsOf(reservation).map(accountKey)),
      ...[statement.hash, statement.text ?? '', this.#calendar.dayOf(at), reservation.label ?? ''],
      ...limits.flatMap((limit) => [...this.#spanOf(limit, at), limit.maxNanoUsd]),
    )) as string[]
    const balances = balancesOf(sums)
    return Number(refusedBy) < 0 ? { balances } : { refusedBy: Number(refusedBy), balances }
  }

  async submitted(
    id: string,
    { project, location, jobId }: OpenReservation['job'],
    expiresAt: number,
  ): Promise<boolean> {
    return (await this.#run(scripts.submitted, id, project, location, jobId, expiresAt)) === 1
  }

  async settle(id: string, settlement: Settlement): Promise<void> {
    await this.#end(id, settlement, 0)
  }

  async correct(id: string, settlement: Settlement): Promise<void> {
    await this.#end(id, settlement, 1)
  }

  async release(id: string): Promise<void> {
    await this.#run(scripts.release, id)
  }

  async balances(of: readonly Pick<BudgetLimit, 'account' | 'period'>[], at: number): Promise<readonly Balance[]> {
    const args = of.flatMap((each) => this.#spanOf(each, at))
    return balancesOf((await this.#run(scripts.balances, ...args)) as string[])
  }

  async mark(name: string, _at: number): Promise<boolean> {
    return (await this.#run(scripts.mark, name)) === 1
  }

  usage: Ledger['usage'] = (selection) => usageOf(this.#redis, this.#prefix, selection)

  top: Ledger['top'] = (selection, limit) => topOf(this.#redis, this.#prefix, selection, limit)

  async open(limit: number): Promise<readonly OpenReservation[]> {
    const ids =
      limit < 1 ? [] : await this.#redis.call((client) => client.zrange(this.#key('open'), 0, String(limit - 1)))
    return (await this.#statements(ids)).map(({ id, fields }) => ({
      id,
      source: fields['source']!,
      principal: fields['principal']!,
      groups: (JSON.parse(fields['grps']!) as string[]).slice(1),
      ...(fields['label'] && { label: fields['label'] }),
      statement: { hash: fields['hash']!, ...(fields['text'] && { text: fields['text'] }) },
      nanoUsd: Number(fields['nano']),
      bytes: Number(fields['bytes']),
      at: Number(fields['at']),
      expiresAt: Number(fields['expires']),
      job: { project: fields['project']!, location: fields['location']!, jobId: fields['job']! },
    }))
  }

  async entries(ids: readonly string[]): Promise<readonly LedgerEntry[]> {
    return (await this.#statements(ids)).map(({ id, fields }) => {
      const state = states[Number(fields['state'])]!
      const isHeld = state === 'reserved' || state === 'submitted'
      return {
        id,
        state,
        nanoUsd: Number(fields[isHeld ? 'nano' : 'spent']),
        billedBytes: Number(fields[isHeld ? 'bytes' : 'billed']),
        source: fields['source']!,
        at: Number(fields['at']),
      }
    })
  }

  async close(): Promise<void> {}

  async #end(id: string, settlement: Settlement, corrects: 0 | 1): Promise<void> {
    const { nanoUsd, billedBytes, slotMs = 0, cacheHit = false } = settlement
    const hit = cacheHit ? 1 : 0
    await this.#run(scripts.settle, id, nanoUsd, billedBytes, Math.round(slotMs), hit, corrects)
  }

  async #statements(ids: readonly string[]): Promise<{ readonly id: string; readonly fields: Fields }[]> {
    const found = await Promise.all(ids.map((id) => this.#redis.call((client) => client.hgetall(this.#key(`s:${id}`)))))
    return found.flatMap((fields, i) => (fields['state'] === undefined ? [] : { id: ids[i]!, fields }))
  }

  #spanOf({ account, period }: Pick<BudgetLimit, 'account' | 'period'>, at: number): [string, string] {
    return [accountKey(account), this.#calendar[period === 'day' ? 'dayOf' : 'monthOf'](at)]
  }

  async #run(script: RedisScript, ...args: readonly (string | number)[]): Promise<unknown> {
    return await this.#redis.run(script, [this.#prefix], ...args)
  }

  #key(name: string): string {
    return this.#prefix + name
  }
}

/**
 * Beginning of all keys of the ledger. A reservation changes the accounts of the gateway, a source, a principal and its groups in
 * one step, so all keys have one hash tag: in a cluster one node has them.
 */
function ledgerPrefix(keyPrefix: string): string {
  const hasTag = /^[^{]*\{[^}]+\}/.test(keyPrefix)
  return hasTag ? `${keyPrefix}ledger:` : `${keyPrefix}{ledger}:`
}

function balancesOf(sums: readonly string[]): Balance[] {
  return Array.from({ length: sums.length / 2 }, (_, i) => ({
    spentNanoUsd: Number(sums[2 * i]),
    reservedNanoUsd: Number(sums[2 * i + 1]),
  }))
}
