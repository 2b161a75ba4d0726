/** What can be wrong with Arrow bytes. */
export type ArrowErrorCode = 'MALFORMED' | 'UNSUPPORTED' | 'ROW_TOO_LARGE'

/** Thrown by everything in this folder; says what is wrong with the bytes, never crashes on them. */
export class ArrowError extends Error {
  override readonly name = 'ArrowError'
  readonly code: ArrowErrorCode

  constructor(code: ArrowErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
