import type { SettingChange } from '../config/reload/difference.ts'

const signs = { added: '+', removed: '-', changed: '~' } as const

/** Changes of settings as lines: a sign, the setting, its old and new value, and whether it needs a restart. */
export function changesText(changes: readonly SettingChange[]): string {
  if (changes.length === 0) return '# nothing would change\n'
  return changes.map((change) => `${lineOf(change)}\n`).join('')
}

function lineOf({ path, kind, before, after, needsRestart }: SettingChange): string {
  const rest = needsRestart ? '  # needs a restart' : ''
  return `${signs[kind]} ${path}: ${valuesOf(kind, before, after)}${rest}`
}

function valuesOf(kind: SettingChange['kind'], before: unknown, after: unknown): string {
  // Only a secret differs.
  if (before === undefined && after === undefined) return '***'
  if (kind === 'added') return JSON.stringify(after)
  return kind === 'removed' ? JSON.stringify(before) : `${JSON.stringify(before)} -> ${JSON.stringify(after)}`
}
