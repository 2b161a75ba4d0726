import { setFlagsFromString } from 'node:v8'

/*
 * Each buffer that comes from an upstream is memory outside of the heap, and by default every 64 MiB of it start a
 * collection of the whole heap: a fifth of all CPU at 1 GiB/s. Counted into the heap's own limit it is freed by the short
 * collections of young objects. To be imported before anything else. Source: `node --v8-options`; `npm run bench -- relay`.
 */
const FIRST_MAJOR_KNOWN = 26

if (Number(process.versions.node.split('.')[0]) >= FIRST_MAJOR_KNOWN) {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString('--external-memory-max-growing-factor=2')
}
