import { Counter, Gauge, type Registry } from 'prom-client'
import { childrenOf } from '../children.ts'

/** Reads the values of gauges at each scrape. */
export interface AuditReaders {
  isUp(): boolean
  pendingBytes(): number
}

/** Metrics of the audit log. */
export class AuditMetrics {
  readonly #registry: Registry
  readonly #lines
  readonly #lost
  readonly #failures

  constructor(registry: Registry) {
    this.#registry = registry
    const registers = [registry]
    this.#lines = childrenOf(
      new Counter({
        name: 'flightgate_audit_lines_total',
        help: 'Lines of the audit log, by event: statement, login_failed, admin, reload, lines_lost.',
        labelNames: ['event'],
        registers,
      }),
    )
    this.#lost = new Counter({
      name: 'flightgate_audit_lines_lost_total',
      help: 'Lines of the audit log that were dropped, because the file could not be written and auditLog.maxPendingBytes were waiting.',
      registers,
    })
    this.#failures = new Counter({
      name: 'flightgate_audit_refusals_total',
      help: 'Statements that were refused because the audit log could not be written (auditLog.onError: refuse).',
      registers,
    })
  }

  /** Adds the gauges; only if there is an audit log. */
  begin(read: AuditReaders): void {
    const registers = [this.#registry]
    new Gauge({
      name: 'flightgate_audit_up',
      help: 'Whether the last write of the audit log succeeded: 1 or 0; absent without an audit log.',
      registers,
      // Of several workers, the one that cannot write counts.
      aggregator: 'min',
      collect() {
        this.set(read.isUp() ? 1 : 0)
      },
    })
    new Gauge({
      name: 'flightgate_audit_pending_bytes',
      help: 'Bytes of lines that wait to be written to the audit log; at most auditLog.maxPendingBytes.',
      registers,
      collect() {
        this.set(read.pendingBytes())
      },
    })
  }

  onLine(event: string): void {
    this.#lines(event).inc()
  }

  onLost(count: number): void {
    this.#lost.inc(count)
  }

  onRefused(): void {
    this.#failures.inc()
  }
}
