// Checks that gen/ matches what `buf generate` makes of proto/ now.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const DESCRIPTORS = 'descriptors.binpb'

/** The files of gen/ that differ from newly generated ones, are missing or are superfluous. */
export function staleGeneratedFiles(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-gen-'))
  try {
    const buf = join(root, 'node_modules', '.bin', 'buf')
    execFileSync(buf, ['generate', '--output', folder], { cwd: root, stdio: 'pipe' })
    execFileSync(buf, ['build', '-o', join(folder, 'gen', DESCRIPTORS)], { cwd: root, stdio: 'pipe' })
    const fresh = contents(join(folder, 'gen'))
    const committed = contents(join(root, 'gen'))
    return [...new Set([...fresh.keys(), ...committed.keys()])].filter(
      (file) => fresh.get(file) !== committed.get(file),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function contents(folder: string): Map<string, string> {
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name)
        return [path.slice(folder.length + 1), readFileSync(path, 'base64')]
      }),
  )
}

if (import.meta.main) {
  const stale = staleGeneratedFiles()
  if (stale.length > 0) {
    process.stderr.write(`not what buf generates (npm run generate): ${stale.join(', ')}\n`)
    process.exitCode = 1
  }
}
