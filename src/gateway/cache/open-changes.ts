import type { Scope } from '../../async/scope.ts'
import type { ChangeLog } from '../../cache/changes/change-log.ts'
import { MemoryChangeLog } from '../../cache/changes/memory-change-log.ts'
import { SharedChangeLog } from '../../cache/changes/shared-change-log.ts'
import type { State } from '../../state/open.ts'
import type { LiveSources } from '../reload/live-sources.ts'

/** Opens the log of changes: over the shared state if other processes use it too. The scope closes it. */
export function openChanges(
  {
    state,
    isShared,
    sources,
  }: { readonly state: State; readonly isShared: boolean; readonly sources: Pick<LiveSources, 'all'> },
  scope: Scope,
): ChangeLog {
  if (!isShared) return new MemoryChangeLog()
  const { store, bus } = state.of('cache')
  const changes = new SharedChangeLog({ store, bus, sources: () => sources.all, recording: state.of('statements') })
  scope.defer(() => changes.close())
  return changes
}
