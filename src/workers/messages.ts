import type { Config } from '../config/config.ts'
import type { MetricJson, ProcessMetrics } from '../ops/processes/process-metrics.ts'
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
  /** The worker has drained and ends. `cut` calls and transactions were cut off. */
  | { readonly kind: 'drained'; readonly cut: number }
  | { readonly kind: 'state'; readonly request: StateRequest }
  | { readonly kind: 'collected'; readonly question: number; readonly metrics: readonly MetricJson[] }
  /** Asks for the metrics of all processes. */
  | { readonly kind: 'gather'; readonly question: number }

/** Variable by which a process knows that it is a worker of this gateway, and not of another program that uses node:cluster. */
export const WORKER_VARIABLE = 'FLIGHTGATE_WORKER'
