import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a certificate that no authority vouches for, and its key. */
export function selfSignedCertificate(name: string): { readonly cert: Buffer; readonly key: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-tls-'))
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-days', '1', '-nodes']
  const files = ['-keyout', keyFile, '-out', certFile]
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...names, ...files], { stdio: 'ignore' })
    return { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
