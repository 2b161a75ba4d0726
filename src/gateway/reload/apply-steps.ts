import type { Logger } from '../../query/types.ts'

/** The parts of a gateway that follow new settings, by name, in the order in which they do. */
export type ApplySteps = Readonly<Record<string, () => void>>

/**
 * Lets all parts follow new settings, also those after a part that fails: a gateway with one part behind is better than one in which
 * half of the parts are. Never throws.
 * @returns names of the parts that failed; the log says why
 */
export function applySteps(steps: ApplySteps, log: Pick<Logger, 'error'>): string[] {
  return Object.entries(steps).flatMap(([part, follow]) => {
    try {
      follow()
      return []
    } catch (error) {
      log.error({ event: 'reload', part, err: error }, `a part of the gateway could not follow a reload: ${part}`)
      return [part]
    }
  })
}
