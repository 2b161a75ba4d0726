/** What a ledger's thread opens: the ledger to write, or its reports. */
export interface LedgerThreadSetup {
  readonly path: string
  readonly timeZone: string
  readonly role: 'ledger' | 'reports'
}

/** A call for the thread. */
export interface LedgerCall {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

/** Answers of the thread; `ready` comes once. */
export type LedgerReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly message: string; readonly code: string | undefined }
