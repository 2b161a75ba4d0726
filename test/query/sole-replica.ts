import { randomBytes } from 'node:crypto'
import type { OtherReplicas } from '../../src/query/replicas/replica-questions.ts'

/** A process that shares state with no other. */
export function soleReplica(): OtherReplicas {
  return { self: randomBytes(6).toString('hex'), others: async () => [] }
}
