import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'

/** A PEM file with its last read content. */
export interface PemFile {
  readonly path: string
  readonly content: Buffer
}

/** Files of the server's certificate, and of the authorities of client certificates if clients may have some. */
export interface WatchedFiles {
  readonly cert: PemFile
  readonly key: PemFile
  readonly ca?: PemFile | undefined
}

/** The content of the files. */
export interface WatchedCertificate {
  readonly cert: Buffer
  readonly key: Buffer
  readonly ca?: Buffer
}

/** Poll interval, in milliseconds. `fs.watch` does not notice when Kubernetes replaces the symbolic link of a mounted file. */
const POLL_MS = 2000

const nothing = Buffer.alloc(0)

/**
 * Calls `onChange` each time the certificate files have changed and match each other. Otherwise it logs a warning, and the
 * previous certificate stays in use.
 * @returns a function that stops the watch
 */
export function watchCertificate(
  files: WatchedFiles,
  onChange: (certificate: WatchedCertificate) => void,
  log: Logger,
): () => void {
  const all = [files.cert, files.key, ...(files.ca ? [files.ca] : [])]
  const contentOf = (read: (file: PemFile) => Buffer): WatchedCertificate => ({
    cert: read(files.cert),
    key: read(files.key),
    ...(files.ca && { ca: read(files.ca) }),
  })
  let current = contentOf(({ content }) => content)
  const check = () => {
    try {
      const next = contentOf(({ path }) => readFileSync(path))
      const isSame = (name: keyof WatchedCertificate) => (next[name] ?? nothing).equals(current[name] ?? nothing)
      if (isSame('cert') && isSame('key') && isSame('ca')) return
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
  for (const { path } of all) watchFile(path, { interval: POLL_MS, persistent: false }, check)
  // The files may have changed since they were read: a worker that starts later gets what the first ones got.
  check()
  return () => {
    for (const { path } of all) unwatchFile(path, check)
  }
}
