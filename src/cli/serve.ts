import { isWorkerProcess } from '../workers/primary-link.ts'
import { type ConfigOptions, loadConfigOf, readConfig } from './read-config.ts'

/** Serves until a signal, in this process or in several workers: the first signal drains, a second one stops at once. SIGHUP reloads. */
export async function serve(options: ConfigOptions): Promise<void> {
  if (isWorkerProcess()) {
    const { serveAsWorker } = await import('./serve-as-worker.ts')
    await serveAsWorker()
    return
  }
  const startedAt = performance.now()
  const config = readConfig(options)
  if (!config) return
  if (config.workers > 1) {
    const { serveWorkers } = await import('./serve-workers.ts')
    await serveWorkers(config, () => loadConfigOf(options, true), startedAt)
    return
  }
  const { serveAlone } = await import('./serve-alone.ts')
  await serveAlone(config, () => loadConfigOf(options, true), startedAt)
}
