import { Counter, Gauge, type Registry } from 'prom-client'

/** Metrics of the configuration in force. With several workers, the process that starts them has them. */
export class ReloadMetrics {
  readonly #reloads
  readonly #success
  readonly #appliedAt
  readonly #info

  constructor(registry: Registry) {
    const registers = [registry]
    this.#reloads = new Counter({
      name: 'flightgate_config_reloads_total',
      help: 'Reloads of the configuration, by outcome: applied, unchanged (the file asks for no change that a reload can make), refused (a problem; nothing has changed).',
      labelNames: ['outcome'],
      registers,
    })
    for (const outcome of ['applied', 'unchanged', 'refused']) this.#reloads.inc({ outcome }, 0)
    this.#success = new Gauge({
      name: 'flightgate_config_reload_success',
      help: 'Whether the last reload of the configuration succeeded (1), or was refused or left a part of the gateway behind (0); 1 before the first.',
      registers,
    })
    this.#appliedAt = new Gauge({
      name: 'flightgate_config_last_reload_timestamp_seconds',
      help: 'Unix time of the start, or of the last reload that was not refused.',
      registers,
    })
    this.#info = new Gauge({
      name: 'flightgate_config_info',
      help: 'Always 1. The label digest is a digest of the settings in force, without secrets and without what tells replicas apart (listen, replica.address, replica.listen, tracing.resourceAttributes): replicas with the same settings have the same one.',
      labelNames: ['digest'],
      registers,
    })
  }

  /** Records the configuration of the start. */
  begin(digest: string): void {
    this.#success.set(1)
    this.#appliedAt.setToCurrentTime()
    this.#info.set({ digest }, 1)
  }

  /**
   * Records the end of a reload.
   * @param digest of the settings that are in force now
   * @param isWhole whether all parts of the gateway have followed
   */
  onReload(outcome: 'applied' | 'unchanged' | 'refused', digest: string, isWhole = true): void {
    this.#reloads.inc({ outcome })
    this.#success.set(outcome === 'refused' || !isWhole ? 0 : 1)
    if (outcome !== 'refused') this.#appliedAt.setToCurrentTime()
    this.#info.reset()
    this.#info.set({ digest }, 1)
  }
}
