import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'

/** A PEM file and what it held when it was read. */
export interface PemFile {
  readonly path: string
  readonly content: Buffer
}

/** Files are looked at, not watched: what Kubernetes mounts is a symbolic link that is replaced, which no watch notices. */
const LOOK_EVERY_MS = 2000

/**
 * Hands the certificate over each time its files have changed and fit together; anything else is logged, and the one
 * before stays.
 * @returns ends it
 */
export function watchCertificate(
  files: { readonly cert: PemFile; readonly key: PemFile },
  onChange: (certificate: { readonly cert: Buffer; readonly key: Buffer }) => void,
  log: Logger,
): () => void {
  const paths = [files.cert.path, files.key.path]
  let current = { cert: files.cert.content, key: files.key.content }
  const look = () => {
    try {
      const next = { cert: readFileSync(files.cert.path), key: readFileSync(files.key.path) }
      if (next.cert.equals(current.cert) && next.key.equals(current.key)) return
      createSecureContext(next)
      onChange(next)
      current = next
      log.info({ event: 'certificate' }, 'new connections get the new certificate')
    } catch (error) {
      // Also between the writing of the one file and of the other.
      const reason = (error as Error).message
      log.warn({ event: 'certificate', reason }, 'the certificate files are not in order: the one before stays')
    }
  }
  for (const path of paths) watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, look)
  return () => {
    for (const path of paths) unwatchFile(path, look)
  }
}
