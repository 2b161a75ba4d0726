/** Minimum version of Node.js; must equal `engines` in package.json. */
const OLDEST = [22, 18] as const

/** Whether this Node.js is recent enough; if not, prints the required version. Uses only features that old versions have. */
export function isNodeRecent(version = process.versions.node): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return true
  process.stderr.write(
    `flightgate needs Node.js ${OLDEST.join('.')} or newer; this is ${version}. Install a newer one, or run it with: npx node@26 ${process.argv[1] ?? 'flightgate'}\n`,
  )
  return false
}
