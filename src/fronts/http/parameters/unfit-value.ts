/** A value of a request does not fit its parameter. The message continues a sentence that begins with the parameter. */
export class UnfitValue extends Error {
  override readonly name = 'UnfitValue'
}
