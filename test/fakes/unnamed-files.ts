import { readdirSync, readlinkSync, type Stats, statSync } from 'node:fs'

/** The unlinked files below a folder that this process still has open. */
export function unnamedFilesIn(folder: string): Stats[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    const path = `/proc/self/fd/${descriptor}`
    try {
      return readlinkSync(path).startsWith(`${folder}/`) ? [statSync(path)] : []
    } catch {
      // The descriptor used for the listing has been closed.
      return []
    }
  })
}
