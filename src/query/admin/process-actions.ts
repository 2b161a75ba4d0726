import { GatewayError } from '../errors.ts'
import { type OtherReplicas, type ReplicaBus, ReplicaQuestions } from '../replicas/replica-questions.ts'
import type { BreakerMode } from '../source.ts'

/** What every process does for itself. */
export type ProcessAction =
  | { readonly kind: 'drain' | 'undrain'; readonly source: string }
  | {
      readonly kind: 'breaker'
      readonly source: string
      readonly address?: string | undefined
      readonly mode: BreakerMode
    }
  | { readonly kind: 'rotate-keys' }

/** How many processes, replicas and workers, have carried out an action. */
export interface ActionReach {
  readonly confirmed: number
  /** Those that did not answer in time, or could not do it. */
  readonly missing: number
}

/** Carries out actions in all processes. */
export class ProcessActions {
  readonly #apply: (action: ProcessAction) => void
  readonly #others: ReplicaQuestions<ProcessAction, boolean>

  /** @param apply carries out an action in this process. @throws GatewayError */
  constructor(bus: ReplicaBus, replicas: OtherReplicas, apply: (action: ProcessAction) => void) {
    this.#apply = apply
    this.#others = new ReplicaQuestions('admin-action', bus, replicas, (action: ProcessAction) => {
      try {
        apply(action)
        return true
      } catch {
        return false
      }
    })
  }

  /**
   * Carries out an action here, and then in all others, for at most 1 s.
   * @throws what the action throws here; GatewayError STATE_UNAVAILABLE if the others cannot be told
   */
  async run(action: ProcessAction): Promise<ActionReach> {
    this.#apply(action)
    try {
      const { answers, missing } = await this.#others.ask(action)
      const done = answers.filter((isDone) => isDone).length
      return { confirmed: 1 + done, missing: missing + answers.length - done }
    } catch (cause) {
      throw new GatewayError(
        'STATE_UNAVAILABLE',
        'This process has done it, but cannot tell the others, since the state that they share does not answer: do it again later.',
        { cause },
      )
    }
  }
}
