/** Most principals that metrics tell apart; further ones count together. */
export const MAX_PRINCIPALS = 200
export const OTHER_PRINCIPALS = '(other)'

/** Values of the label `principal`. Tokens of an issuer can name any number of principals, so their number is bounded. */
export class PrincipalLabels {
  readonly #known = new Set<string>()

  /** Returns the label of a principal. */
  of(principal: string): string {
    if (this.#known.has(principal)) return principal
    if (this.#known.size >= MAX_PRINCIPALS) return OTHER_PRINCIPALS
    this.#known.add(principal)
    return principal
  }
}
