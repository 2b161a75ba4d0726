import type { FunctionComponent } from 'preact'

/** A view of the console, in a folder of its own. */
export interface View {
  /** Part of the address: `#/statements`. */
  readonly id: string
  /** In the navigation, and as the heading. */
  readonly title: string
  readonly Content: FunctionComponent
}
