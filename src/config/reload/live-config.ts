import type { Config } from '../config.ts'

type Section = Record<string, unknown>

/** The configuration of a running gateway. */
export interface LiveConfig {
  /**
   * Stays the same object for the life of the gateway, and so does each of its sections. A part that keeps a section and reads its
   * members when it needs them follows every reload.
   */
  readonly config: Config
  /** Changes all sections at once. */
  apply(next: Config): void
}

/** Copies a configuration so that a reload can change it in place. */
export function liveConfig(initial: Config): LiveConfig {
  const config: Section = {}
  for (const [name, value] of Object.entries(initial)) config[name] = isSection(value) ? { ...value } : value
  return {
    config: config as unknown as Config,
    apply(next) {
      const fresh = next as unknown as Section
      for (const name of new Set([...Object.keys(config), ...Object.keys(fresh)])) {
        const [old, value] = [config[name], fresh[name]]
        if (isSection(old) && isSection(value)) replaceMembers(old, value)
        else config[name] = isSection(value) ? { ...value } : value
      }
    },
  }
}

function replaceMembers(section: Section, by: Section): void {
  // All are removed first, so that their order becomes the new one.
  for (const name of Object.keys(section)) delete section[name]
  Object.assign(section, by)
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}
