import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a self-signed certificate and its key for a host name or address. */
export function selfSignedCertificate(name: string): { readonly cert: Buffer; readonly key: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-tls-'))
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const altName = `subjectAltName=${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`
  const names = ['-subj', `/CN=${name}`, '-addext', altName, '-days', '1', '-nodes']
  const files = ['-keyout', keyFile, '-out', certFile]
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...names, ...files], { stdio: 'ignore' })
    return { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A certificate authority for tests, and the server certificates that it issues. */
export class CertificateAuthority {
  readonly #folder: string
  readonly #parent: CertificateAuthority | undefined
  #serial = 0

  /** @param parent the authority that issues its own certificate, and so makes it an intermediate one */
  constructor(parent?: CertificateAuthority) {
    this.#folder = mkdtempSync(join(tmpdir(), 'flightgate-ca-'))
    this.#parent = parent
    const files = ['-keyout', join(this.#folder, 'ca.key'), '-out', this.file]
    const name = parent ? '/CN=tests, intermediate' : '/CN=tests'
    const signer = parent ? ['-CA', parent.file, '-CAkey', join(parent.#folder, 'ca.key')] : []
    const authority = [...signer, '-subj', name, '-addext', 'basicConstraints=critical,CA:TRUE']
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-days', '1', '-nodes', ...authority, ...files)
  }

  /** PEM file with the authority's own certificate. */
  get file(): string {
    return join(this.#folder, 'ca.pem')
  }

  /** Issues a certificate for localhost into new or given files. */
  issue(files = this.#newFiles(), days = 1): { readonly cert: string; readonly key: string } {
    const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
    const signer = ['-CA', this.file, '-CAkey', join(this.#folder, 'ca.key'), '-days', String(days), '-nodes']
    const subject = ['-subj', `/CN=server ${++this.#serial}`, '-addext', names, '-addext', 'basicConstraints=CA:FALSE']
    openssl('req', '-x509', '-newkey', 'rsa:2048', ...signer, ...subject, '-keyout', files.key, '-out', files.cert)
    return files
  }

  /** Issues a certificate for a client, with that of an intermediate authority after it. @param names alternative names, as OpenSSL writes them */
  issueClient(subject: string, names?: string): { readonly cert: string; readonly key: string } {
    this.#serial++
    const files = this.#newFiles()
    const signer = ['-CA', this.file, '-CAkey', join(this.#folder, 'ca.key'), '-days', '1', '-nodes']
    const extensions = [
      '-addext',
      'basicConstraints=CA:FALSE',
      ...(names ? ['-addext', `subjectAltName=${names}`] : []),
    ]
    const out = ['-keyout', files.key, '-out', files.cert]
    openssl('req', '-x509', '-newkey', 'rsa:2048', ...signer, '-subj', subject, ...extensions, ...out)
    if (this.#parent) appendFileSync(files.cert, readFileSync(this.file))
    return files
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }

  #newFiles() {
    const at = join(this.#folder, `server${this.#serial}`)
    return { cert: `${at}.pem`, key: `${at}.key` }
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' })
}
