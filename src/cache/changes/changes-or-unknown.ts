import { GatewayError } from '../../query/errors.ts'
import type { ChangeLog, ChangesSince, ReadScope, Snapshot } from './change-log.ts'

/** As `ChangeLog.snapshot`; `unknown` if the state that replicas share does not answer. */
export function snapshotOf(changes: ChangeLog, scope: ReadScope): Snapshot | 'unknown' | Promise<Snapshot | 'unknown'> {
  const snapshot = changes.snapshot(scope)
  return snapshot instanceof Promise ? snapshot.catch(unknownIfDown) : snapshot
}

/** As `ChangeLog.since`; `unknown` if the state that replicas share does not answer. */
export function changesSince(
  changes: ChangeLog,
  scope: ReadScope,
  snapshot: Snapshot,
  reader: string,
): ChangesSince | 'unknown' | Promise<ChangesSince | 'unknown'> {
  const since = changes.since(scope, snapshot, reader)
  return since instanceof Promise ? since.catch(unknownIfDown) : since
}

function unknownIfDown(error: unknown): 'unknown' {
  if (GatewayError.from(error).code !== 'STATE_UNAVAILABLE') throw error
  return 'unknown'
}
