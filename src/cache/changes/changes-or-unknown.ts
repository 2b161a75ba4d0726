import { GatewayError } from '../../query/errors.ts'
import type { ChangeLog, ChangesSince, ReadScope, Snapshot } from './change-log.ts'

/** As `ChangeLog.snapshot`; `unknown` if the state that replicas share does not answer. */
export function snapshotOf(changes: ChangeLog, scope: ReadScope): Snapshot | 'unknown' | Promise<Snapshot | 'unknown'> {
  return orUnknown(() => changes.snapshot(scope))
}

/** As `ChangeLog.since`; `unknown` if the state that replicas share does not answer. */
export function changesSince(
  changes: ChangeLog,
  scope: ReadScope,
  snapshot: Snapshot,
  reader: string,
): ChangesSince | 'unknown' | Promise<ChangesSince | 'unknown'> {
  return orUnknown(() => changes.since(scope, snapshot, reader))
}

/** A log may fail at once or later. */
function orUnknown<T>(ask: () => T | Promise<T>): T | 'unknown' | Promise<T | 'unknown'> {
  try {
    const answer = ask()
    return answer instanceof Promise ? answer.catch(unknownIfDown) : answer
  } catch (error) {
    return unknownIfDown(error)
  }
}

function unknownIfDown(error: unknown): 'unknown' {
  if (GatewayError.from(error).code !== 'STATE_UNAVAILABLE') throw error
  return 'unknown'
}
