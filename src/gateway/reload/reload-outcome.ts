import type { SettingChange } from '../../config/reload/difference.ts'

/** What a reload did. Contains no secrets. */
export interface ReloadOutcome {
  /** `refused`: nothing has changed, for the reasons in `problems`. */
  readonly outcome: 'applied' | 'unchanged' | 'refused'
  /** Settings that have changed. */
  readonly changes: readonly SettingChange[]
  /** Paths of settings that differ from the file and stay as they are until a restart. */
  readonly needsRestart: readonly string[]
  /** One line each, as `check-config` writes them. */
  readonly problems: readonly string[]
  /** Digest of the settings in force. */
  readonly digest: string
}
