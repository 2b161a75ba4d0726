import { totalmem } from 'node:os'

/** Memory that the process may use, in bytes: the limit of the container (cgroup), else the machine's memory. */
export function availableMemory(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}
