import { type Address, addressOf } from './library.ts'

/** Native memory that stays valid as long as the arena is referenced. */
export class Arena {
  readonly #kept: unknown[] = []

  /** Allocates zeroed memory. */
  allocate(bytes: number): BigUint64Array {
    const words = new BigUint64Array(Math.max(1, Math.ceil(bytes / 8)))
    this.#kept.push(words)
    return words
  }

  /** Keeps existing memory reachable. @returns its address; 0 when it is empty */
  keep(bytes: Uint8Array): Address {
    if (bytes.byteLength === 0) return 0
    this.#kept.push(bytes)
    return addressOf(bytes)
  }

  /** Keeps everything that another arena keeps. */
  share(other: Arena): void {
    this.#kept.push(other)
  }

  /** Writes a zero-terminated string. */
  text(value: string): Address {
    return this.keep(Buffer.from(`${value}\0`))
  }

  /** Writes an array of addresses. */
  list(addresses: readonly Address[]): Address {
    if (addresses.length === 0) return 0
    const words = this.allocate(8 * addresses.length)
    for (const [i, address] of addresses.entries()) words[i] = BigInt(address)
    return addressOf(words)
  }
}
