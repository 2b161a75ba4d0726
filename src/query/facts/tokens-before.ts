/** The last tokens: a word in upper case or a sign; empty for names, literals and anything else. */
export class TokensBefore {
  #last = ''
  #second = ''
  #third = ''

  take(token: string): void {
    this.#third = this.#second
    this.#second = this.#last
    this.#last = token
  }

  get last(): string {
    return this.#last
  }

  /** Whether they are `::`. */
  get isCast(): boolean {
    return this.#last === ':' && this.#second === ':'
  }

  /** Whether an alias or a type comes next. */
  get isNaming(): boolean {
    return this.#last === 'AS' || this.isCast
  }

  /** Whether they are `|>`. */
  get isPipe(): boolean {
    return this.#last === '>' && this.#second === '|'
  }

  /** Whether they are `IS DISTINCT` or `IS NOT DISTINCT`, after which FROM names no table. */
  get isDistinction(): boolean {
    if (this.#last !== 'DISTINCT') return false
    return this.#second === 'IS' || (this.#second === 'NOT' && this.#third === 'IS')
  }
}
