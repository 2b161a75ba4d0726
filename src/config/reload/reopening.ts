import { isDeepStrictEqual } from 'node:util'
import type { SourceKinds, SourceSettings } from '../../sources/kind.ts'

/** Settings that the gateway applies itself, for all kinds of sources. */
const inPlace: readonly string[] = ['kind', 'statementTimeoutMs', 'cache']

/** Whether a setting of a source changes without opening the source again. */
export function changesInPlace(kind: string, setting: string, kinds: SourceKinds): boolean {
  return inPlace.includes(setting) || (kinds[kind]?.inPlace?.includes(setting) ?? false)
}

/** Whether a source has to be opened again for its new settings. */
export function mustReopen(running: SourceSettings, next: SourceSettings, kinds: SourceKinds): boolean {
  if (running.kind !== next.kind) return true
  const [old, fresh] = [running, next] as unknown as Readonly<Record<string, unknown>>[]
  return [...new Set([...Object.keys(old!), ...Object.keys(fresh!)])].some(
    (name) => !changesInPlace(next.kind, name, kinds) && !isDeepStrictEqual(old![name], fresh![name]),
  )
}

/** Whether new settings of a source can be put in force while it serves: both may be open for a while. */
export function isReplaceable(running: SourceSettings, next: SourceSettings, kinds: SourceKinds): boolean {
  return running.kind !== next.kind || (kinds[next.kind]?.isReplaceable?.(running, next) ?? true)
}
