/** The shared state gave no answer in time. The call may have been carried out. */
export class StateTimeout extends Error {
  override readonly name = 'StateTimeout'

  /** @param ms time limit in milliseconds */
  constructor(ms: number, cause?: unknown) {
    super(`no answer within ${ms} ms`, { cause })
  }
}
