import { existsSync, mkdtempSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/**
 * Why no files can be created in a folder; undefined if they can.
 * @param isCreated whether the folder is created on first use, so that only its parent must exist
 */
export function folderProblem(path: string, { isCreated }: { readonly isCreated: boolean }): string | undefined {
  const folder = existsSync(path) || !isCreated ? path : dirname(resolve(path))
  if (!existsSync(folder)) return `there is no folder ${folder}${folder === path ? '' : ' for it'}`
  if (!statSync(folder).isDirectory()) return `${folder} is no folder`
  try {
    // Create a folder to find out: access(2) checks the real user, not the effective one, and ignores special file systems.
    rmdirSync(mkdtempSync(join(folder, '.flightgate-')))
    return undefined
  } catch {
    return `the folder ${folder} may not be written to`
  }
}
