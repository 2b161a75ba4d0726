import { readdirSync, readlinkSync, type Stats, statSync } from 'node:fs'

/** The files without a name that this process has open and that were made below a folder. */
export function unnamedFilesIn(folder: string): Stats[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    const path = `/proc/self/fd/${descriptor}`
    try {
      return readlinkSync(path).startsWith(`${folder}/`) ? [statSync(path)] : []
    } catch {
      // The descriptor that listed them is gone.
      return []
    }
  })
}
