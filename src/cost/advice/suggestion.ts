/** Replaces a part of a text; positions count UTF-16 units. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** What a rule found in a statement. */
export interface Suggestion {
  /** Name of the rule, such as `select_star`. */
  readonly rule: string
  /** What to do and why, in sentences. */
  readonly message: string
  /** What the edits do, where they are only an example; a sentence that follows the message. */
  readonly example?: string
  /** The suggestion as changes of the text, if the rule can write it. */
  readonly edits?: readonly Edit[]
  /**
   * `same`: the edited statement returns the same rows. `approximate`: about the same. `example`: other rows; it only shows what
   * the suggestion is worth.
   */
  readonly result: 'same' | 'approximate' | 'example'
  /** `bytes` are billed and a dry run can tell them; `compute` and `repeats` (a result of the cache is free) it cannot. */
  readonly saves: 'bytes' | 'compute' | 'repeats'
}

/** Applies edits to a text; undefined if two of them overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string | undefined {
  let result = ''
  let at = 0
  for (const { start, end, text: replacement } of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < at) return undefined
    result += text.slice(at, start) + replacement
    at = end
  }
  return result + text.slice(at)
}
