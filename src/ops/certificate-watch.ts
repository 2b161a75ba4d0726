import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'

/** A PEM file with its last read content. */
export interface PemFile {
  readonly path: string
  readonly content: Buffer
}

/** Poll interval, in milliseconds. `fs.watch` does not notice when Kubernetes replaces the symbolic link of a mounted file. */
const POLL_MS = 2000

/**
 * Calls `onChange` each time the certificate files have changed and match each other. Otherwise it logs a warning, and the
 * previous certificate stays in use.
 * @returns a function that stops the watch
 */
export function watchCertificate(
  files: { readonly cert: PemFile; readonly key: PemFile },
  onChange: (certificate: { readonly cert: Buffer; readonly key: Buffer }) => void,
  log: Logger,
): () => void {
  const paths = [files.cert.path, files.key.path]
  let current = { cert: files.cert.content, key: files.key.content }
  const check = () => {
    try {
      const next = { cert: readFileSync(files.cert.path), key: readFileSync(files.key.path) }
      if (next.cert.equals(current.cert) && next.key.equals(current.key)) return
      createSecureContext(next)
      onChange(next)
      current = next
      log.info({ event: 'certificate' }, 'new connections use the new certificate')
    } catch (error) {
      // Also reached between the writes of the two files.
      const reason = (error as Error).message
      log.warn(
        { event: 'certificate', reason },
        'the certificate files are invalid or do not match: the previous one stays in use',
      )
    }
  }
  for (const path of paths) watchFile(path, { interval: POLL_MS, persistent: false }, check)
  // The files may have changed since they were read: a worker that starts later gets what the first ones got.
  check()
  return () => {
    for (const path of paths) unwatchFile(path, check)
  }
}
