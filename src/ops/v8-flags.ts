import { setFlagsFromString } from 'node:v8'

/*
 * Flags of V8, set before any other code of the gateway is loaded: import this file before anything else. Source: `node
 * --v8-options`.
 */

/*
 * Optimized code that calls a native function directly, such as `Buffer.byteLength`, ends the process (`Lazy deopt after a fast
 * API call with return value is unsupported`) if a garbage collection in that call invalidates the code. Other calls do not. Cost,
 * measured beside a tree without this flag: none in embedded, relay and getflightinfo (0.86 to 1.02 in CPU).
 */
setFlagsFromString('--no-turbo-fast-api-calls')

/*
 * Buffers from upstreams are memory outside the heap. By default, every 64 MiB of it trigger a major collection, which takes a
 * fifth of all CPU at 1 GiB/s. Counted into the heap's own limit, it is freed by minor collections. Measured by `npm run bench --
 * relay`.
 */
const FIRST_MAJOR_KNOWN = 26

if (Number(process.versions.node.split('.')[0]) >= FIRST_MAJOR_KNOWN) {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString('--external-memory-max-growing-factor=2')
}
