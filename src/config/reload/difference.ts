import { isDeepStrictEqual } from 'node:util'
import type { SourceKinds } from '../../sources/kind.ts'
import { sourceKinds } from '../../sources/kinds.ts'
import type { Config } from '../config.ts'
import type { SettingPath } from '../setting/path.ts'
import { comparable } from './comparable.ts'
import { isLive } from './live-settings.ts'
import { changesInPlace, isReplaceable } from './reopening.ts'

/** A setting that differs between two configurations. */
export interface SettingChange {
  /** Such as `limits.queueWaitMs` or `auth.apiKeys.etl.key`. */
  readonly path: string
  readonly keys: SettingPath
  readonly kind: 'added' | 'removed' | 'changed'
  /** Values without secrets; both absent if only a secret differs. */
  readonly before?: unknown
  readonly after?: unknown
  /** Whether a reload does not change the setting. */
  readonly needsRestart: boolean
}

/** What differs between two configurations, defaults included, in the order of the settings. Shows no secrets. */
export function difference(before: Config, after: Config, kinds: SourceKinds = sourceKinds): SettingChange[] {
  const [old, fresh] = [comparable(before, kinds), comparable(after, kinds)]
  return differences(old.values, fresh.values, old.shown, fresh.shown, []).map((change) => {
    const needsRestart = !isLive(change.keys) || isBoundToStart(change.keys, before, after, kinds)
    return { ...change, needsRestart }
  })
}

/** Whether the setting belongs to what runs: a number of processes, or a source of which two cannot be open for a while. */
function isBoundToStart(
  [section, name, setting]: SettingPath,
  before: Config,
  after: Config,
  kinds: SourceKinds,
): boolean {
  // By default the processes share the memory: the number of those that run counts.
  if (section === 'limits' && name === 'maxInFlightBytes') return before.workers !== after.workers
  // The stages of a gateway without a cache do without it.
  if (section === 'cache' && name === 'maxBytes') return before.cache.maxBytes === 0 || after.cache.maxBytes === 0
  if (section !== 'sources' || setting === undefined) return false
  const [running, next] = [before.sources[String(name)]!, after.sources[String(name)]!]
  return !changesInPlace(next.kind, String(setting), kinds) && !isReplaceable(running, next, kinds)
}

function differences(
  before: unknown,
  after: unknown,
  shownBefore: unknown,
  shownAfter: unknown,
  keys: SettingPath,
): Omit<SettingChange, 'needsRestart'>[] {
  // An address is shown as one text.
  const isOne = [shownBefore, shownAfter].some((shown) => shown !== undefined && !isSection(shown))
  if (isSection(before) && isSection(after) && !isOne)
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      differences(before[key], after[key], memberOf(shownBefore, key), memberOf(shownAfter, key), [...keys, key]),
    )
  if (isDeepStrictEqual(before, after)) return []
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed'
  const isShown = !isDeepStrictEqual(shownBefore, shownAfter)
  return [
    {
      path: keys.map(String).join('.'),
      keys,
      kind,
      ...(isShown && { before: shownBefore, after: shownAfter }),
    },
  ]
}

function memberOf(value: unknown, key: string): unknown {
  return isSection(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}
