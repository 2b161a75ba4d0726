import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A cgroup with a memory limit, inside the cgroup of this process. */
export class MemoryGroup {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Creates a cgroup; undefined if the system does not allow it. */
  static make(limitBytes: number): MemoryGroup | undefined {
    const lines = readFileSync('/proc/self/cgroup', 'utf8').split('\n')
    const pathAfter = (pattern: RegExp) => lines.find((line) => pattern.test(line))?.replace(pattern, '')
    const [v1, v2] = [pathAfter(/^\d+:memory:/), pathAfter(/^0::/)]
    const parent = v1 === undefined ? join('/sys/fs/cgroup', v2 ?? '/') : join('/sys/fs/cgroup/memory', v1)
    const folder = join(parent, `flightgate-test-${process.pid}`)
    try {
      mkdirSync(folder)
    } catch {
      return undefined
    }
    const group = new MemoryGroup(folder)
    try {
      writeFileSync(join(folder, v1 === undefined ? 'memory.max' : 'memory.limit_in_bytes'), String(limitBytes))
      return group
    } catch {
      group.remove()
      return undefined
    }
  }

  /** A command that joins the cgroup and then executes the command after it. */
  get launcher(): readonly string[] {
    return ['sh', '-c', 'echo $$ > "$0" && exec "$@"', join(this.#folder, 'cgroup.procs')]
  }

  /** Removes the cgroup; its processes must have ended. */
  remove(): void {
    rmdirSync(this.#folder)
  }
}
