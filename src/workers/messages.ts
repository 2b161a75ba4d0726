import type { Config } from '../config/config.ts'
import type { MetricJson, ProcessMetrics } from '../ops/processes/process-metrics.ts'
import type { ReloadReport } from '../query/admin/config-reloader.ts'
import type { StateReply, StateRequest } from '../state/ipc/state-messages.ts'

/** Addresses on which the workers listen. */
export interface Addresses {
  readonly flight: string
  readonly http: string
}

/** Why a worker could not start. */
export interface StartFailure {
  readonly message: string
  /** Whether a setting is at fault, so that the stack tells nothing. */
  readonly isKnown: boolean
  readonly stack: string | undefined
}

/** What the primary process tells a worker. */
export type ToWorker =
  | { readonly kind: 'start'; readonly worker: number; readonly config: Config }
  | { readonly kind: 'ping' }
  | { readonly kind: 'drain'; readonly notReadyMs: number }
  | { readonly kind: 'stop' }
  /** Asks to open what new settings need; `apply` or `abandon` follows. */
  | { readonly kind: 'prepare'; readonly reload: number; readonly config: Config }
  | { readonly kind: 'apply' | 'abandon'; readonly reload: number }
  /** Asks to write the line of a reload to the audit log. */
  | { readonly kind: 'audit-reload'; readonly by: string; readonly report: ReloadReport }
  /** What the reload did that the worker asked for. */
  | { readonly kind: 'reloaded'; readonly question: number; readonly report: ReloadReport }
  | { readonly kind: 'state'; readonly reply: StateReply }
  /** Asks for the worker's own metrics. */
  | { readonly kind: 'collect'; readonly question: number }
  /** The metrics of all processes. */
  | { readonly kind: 'gathered'; readonly question: number; readonly all: readonly ProcessMetrics[] }

/** What a worker tells the primary process. */
export type ToPrimary =
  | { readonly kind: 'hello' }
  | { readonly kind: 'ready'; readonly addresses: Addresses }
  | { readonly kind: 'failed'; readonly failure: StartFailure }
  | { readonly kind: 'pong' }
  /** The answer to `prepare`; `problem` says why the worker cannot. */
  | { readonly kind: 'prepared'; readonly reload: number; readonly problem: string | undefined }
  /** Asks for a reload of all workers, or what one would do. */
  | { readonly kind: 'reload'; readonly question: number; readonly by: string; readonly isDryRun: boolean }
  /** The worker has drained and ends. `cut` calls and transactions were cut off. */
  | { readonly kind: 'drained'; readonly cut: number }
  | { readonly kind: 'state'; readonly request: StateRequest }
  | { readonly kind: 'collected'; readonly question: number; readonly metrics: readonly MetricJson[] }
  /** Asks for the metrics of all processes. */
  | { readonly kind: 'gather'; readonly question: number }

/** Variable by which a process knows that it is a worker of this gateway, and not of another program that uses node:cluster. */
export const WORKER_VARIABLE = 'FLIGHTGATE_WORKER'
