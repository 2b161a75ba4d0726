import { randomBytes } from 'node:crypto'
import type { Config } from '../config/config.ts'
import type { KeyRotation } from '../query/admin/administration.ts'
import { Sealer } from '../query/seal/sealer.ts'

/** Earlier keys of a process that its handles still open with. */
const KEPT_KEYS = 4

/** The keys of what this process seals: those of the configuration, or one that it makes itself. */
export class SealKeys implements KeyRotation {
  readonly sealer: Sealer
  readonly #auth: Config['auth']
  readonly #isWorker: boolean

  /** @param isWorker whether the process is one of several workers, which share the keys that their primary process has made */
  constructor(auth: Config['auth'], isWorker: boolean) {
    this.#auth = auth
    this.#isWorker = isWorker
    this.sealer = new Sealer(auth.sealKeys.length > 0 ? auth.sealKeys : [randomBytes(32).toString('hex')])
  }

  get obstacle(): string | undefined {
    if (this.#isWorker)
      return 'Workers share the keys that they were started with: set auth.sealKeys and reload. A later key goes first in the list, with the old one after it.'
    if (this.#auth.sealKeys.length > 0)
      return 'The configuration has the keys: add the new key to auth.sealKeys as the last one and reload every replica; then put it first, keep the old one after it, and reload every replica again.'
    return undefined
  }

  rotate(): void {
    if (this.obstacle === undefined) this.sealer.rotate(KEPT_KEYS)
  }

  /** Follows the configuration after a reload. Without keys in it, those in use stay. */
  update(): void {
    if (this.#auth.sealKeys.length > 0) this.sealer.update(this.#auth.sealKeys)
  }
}
