/** A value that its column cannot hold, or JSON that is no row. */
export class BadValue extends Error {
  override readonly name = 'BadValue'
  /** Names of the column and of the members of structs that lead to the value; whoever reads them adds them. */
  readonly path: string[] = []
  /** Whether the value is sound, but cannot be expressed in Arrow. */
  readonly isUnsupported: boolean

  /** @param message what is wrong, without the value: `is not an INT64` */
  constructor(message: string, isUnsupported = false) {
    super(message)
    this.isUnsupported = isUnsupported
  }
}
