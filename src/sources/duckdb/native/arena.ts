import { type Address, addressOf } from './library.ts'

/** Native memory that lives as long as the arena is referenced. */
export class Arena {
  readonly #kept: unknown[] = []

  /** Zeroed memory. */
  allocate(bytes: number): BigUint64Array {
    const words = new BigUint64Array(Math.max(1, Math.ceil(bytes / 8)))
    this.#kept.push(words)
    return words
  }

  /** Keeps memory that is there already; answers with its address, 0 for none. */
  keep(bytes: Uint8Array): Address {
    if (bytes.byteLength === 0) return 0
    this.#kept.push(bytes)
    return addressOf(bytes)
  }

  /** Keeps all that another arena keeps. */
  share(other: Arena): void {
    this.#kept.push(other)
  }

  /** A zero-terminated string. */
  text(value: string): Address {
    return this.keep(Buffer.from(`${value}\0`))
  }

  /** A list of addresses. */
  list(addresses: readonly Address[]): Address {
    if (addresses.length === 0) return 0
    const words = this.allocate(8 * addresses.length)
    for (const [i, address] of addresses.entries()) words[i] = BigInt(address)
    return addressOf(words)
  }
}
