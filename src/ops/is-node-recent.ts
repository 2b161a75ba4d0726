/** The oldest Node.js that has all that the gateway uses; `engines` of package.json says the same. */
const OLDEST = [22, 18] as const

/** Whether this Node.js is recent enough; prints what is needed when it is not. Uses nothing that an old one lacks. */
export function isNodeRecent(version = process.versions.node): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return true
  process.stderr.write(
    `flightgate needs Node.js ${OLDEST.join('.')} or newer; this is ${version}. Install a newer one, or run it with: npx node@26 ${process.argv[1] ?? 'flightgate'}\n`,
  )
  return false
}
