import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import koffi from 'koffi'

/** An address in native memory, or a DuckDB handle, which is an address too. Addresses stay below 2^53; 0 stands for none. */
export type Address = number

const require = createRequire(import.meta.url)
const libraryNames: Readonly<Record<string, string>> = { darwin: 'libduckdb.dylib', win32: 'duckdb.dll' }
const cLibraryNames: Readonly<Record<string, string>> = { darwin: 'libSystem.dylib', win32: 'msvcrt.dll' }

function libraryPath(): string {
  const bindings = require.resolve(`@duckdb/node-bindings-${process.platform}-${process.arch}/package.json`)
  return join(dirname(bindings), libraryNames[process.platform] ?? 'libduckdb.so')
}

/** libduckdb, DuckDB's C API, as @duckdb/node-bindings ships it. */
export const libduckdb = koffi.load(libraryPath())
const libc = koffi.load(cLibraryNames[process.platform] ?? 'libc.so.6')

/** Copies native memory. At about 80 ns a call it is the cheapest way to read some. */
export const memcpy: (to: Address, from: Address, bytes: number) => void = libc.func(
  'void memcpy(uintptr_t, uintptr_t, size_t)',
)

/** A C function without effect: the release callback of structs that own no memory. */
export const releaseNothing: bigint = koffi.address(libc.symbol('abs'))

/** The address of a JavaScript buffer; valid while the buffer is referenced. */
export function addressOf(buffer: ArrayBufferView): Address {
  return Number(koffi.address(buffer.buffer)) + buffer.byteOffset
}

const word = new Uint32Array(2)
const wordAddress = addressOf(word)

/** Reads a pointer or a 64-bit size. */
export function readWord(at: Address): number {
  memcpy(wordAddress, at, 8)
  return word[1]! * 4_294_967_296 + word[0]!
}

/** Reads a zero-terminated string. */
export function readCString(at: Address): string {
  return at === 0 ? '' : (koffi.decode.string(BigInt(at)) as string)
}

type ReleaseFunction = (at: Address) => void

const releasePrototype = koffi.proto('void flightgate_release(uintptr_t)')
const releaseFunctions = new Map<Address, ReleaseFunction>()

/** Calls the release callback at `offset` in a C struct. A null callback means that the struct is already released. */
export function releaseStruct(at: Address, offset: number): void {
  const callback = readWord(at + offset)
  if (callback === 0) return
  let release = releaseFunctions.get(callback)
  if (!release) {
    release = koffi.decode(BigInt(callback), releasePrototype) as ReleaseFunction
    releaseFunctions.set(callback, release)
  }
  release(at)
}
