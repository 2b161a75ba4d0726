import type { SourceKind } from '../../../src/sources/kind.ts'
import { dummyMetrics } from './metrics.ts'
import { type DummySettings, dummySettings } from './settings.ts'

/** A source kind for tests only. */
export const dummyKind: SourceKind<DummySettings> = {
  schema: dummySettings,
  warnings: (name, { answer }) => (answer === 13 ? [`sources.${name}.answer: 13 brings no luck`] : []),
  concurrency: () => ({ maxStreams: 4 }),
  memory: () => ({ processBytes: 0 }),
  declareMetrics: (metrics) => void dummyMetrics(metrics),
  async open(name, settings, { metrics }) {
    if (settings.failsToOpen) throw new Error('the dummy does not open')
    const { DummySource } = await import('./source.ts')
    return new DummySource(name, settings, metrics)
  },
  async *diagnose() {
    yield { where: 'here', step: 'open', ok: true, detail: 'it is a dummy' }
  },
}
