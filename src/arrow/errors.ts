/** Kinds of faults in Arrow bytes. */
export type ArrowErrorCode = 'MALFORMED' | 'UNSUPPORTED' | 'ROW_TOO_LARGE'

/** Invalid or unsupported Arrow bytes. The readers of this folder check all input and throw it for hostile bytes. */
export class ArrowError extends Error {
  override readonly name = 'ArrowError'
  readonly code: ArrowErrorCode

  constructor(code: ArrowErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
