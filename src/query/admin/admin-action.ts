import type { GatewayError } from '../errors.ts'
import type { Context } from '../types.ts'

/** What an operator asked for. */
export interface AdminAction {
  /** Name of the action, such as `cancel_statement`. */
  readonly action: string
  /** What it is about, such as the id of a statement. */
  readonly target?: string | undefined
  /** Name of the source that it concerns. */
  readonly source?: string | undefined
  /** Further figures and names by their name. */
  readonly details?: Readonly<Record<string, string | number | boolean>> | undefined
  /** Why, in the operator's words. */
  readonly reason?: string | undefined
}

/** Receives each action of an operator once it has ended. */
export interface AdminObserver {
  /** @param failure why it was refused or failed; undefined if it was carried out */
  onAdminAction(ctx: Context, action: AdminAction, failure: GatewayError | undefined): void
}
