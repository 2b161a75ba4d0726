import { setFlagsFromString } from 'node:v8'

/*
 * Buffers from upstreams are memory outside the heap. By default, every 64 MiB of it trigger a major collection, which takes a
 * fifth of all CPU at 1 GiB/s. Counted into the heap's own limit, it is freed by minor collections. Import this file before
 * anything else. Source: `node --v8-options`; `npm run bench -- relay`.
 */
const FIRST_MAJOR_KNOWN = 26

if (Number(process.versions.node.split('.')[0]) >= FIRST_MAJOR_KNOWN) {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString('--external-memory-max-growing-factor=2')
}
