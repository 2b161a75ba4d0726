import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a certificate for a host, by name or address, that no authority vouches for, and its key. */
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
