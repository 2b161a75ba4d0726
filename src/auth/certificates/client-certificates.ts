import { createHash, X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { type DetailedPeerCertificate, TLSSocket } from 'node:tls'
import { LRUCache } from 'lru-cache'
import { refusedLogin } from '../../query/audit/refused-login.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Identity } from '../identity.ts'
import type { PrincipalOf } from '../oidc/oidc-tokens.ts'

/** Settings of client certificates; `docs/configuration.md`, `auth.clientCertificates`, explains each. */
export interface CertificateSettings {
  /** PEM with the authorities whose certificates count. */
  readonly ca: Buffer
  readonly required: boolean
  readonly principal: 'cn' | 'dns' | 'email' | 'uri'
  /** Names whose holders have a role, by the name of the role. */
  readonly roles: Readonly<Record<string, readonly string[]>>
  /** Names whose holders belong to a group of the configuration, by its name. */
  readonly groups: Readonly<Record<string, readonly string[]>>
}

/** What names of their principals begin with. No issuer of tokens may have this name. */
export const CERTIFICATE_PREFIX = 'cert:'
/** Longest name of a principal, in bytes. */
const MAX_NAME_BYTES = 200
/** Most certificates whose chain is remembered. */
const MAX_TRUSTED = 10_000
/** Longest chain from a certificate to its authority. */
const MAX_CHAIN = 8
const printable = /^[^\p{C}\p{Z}]+( [^\p{C}\p{Z}]+)*$/u
const prefixOf = { dns: 'DNS:', email: 'email:', uri: 'URI:' } as const

/** The principals of client certificates. A connection keeps its identity until the settings change. */
export class ClientCertificates {
  #settings: CertificateSettings | undefined
  #authorities: readonly X509Certificate[] = []
  #tag = ''
  #principalOf: PrincipalOf = (settings) => settings
  #known = new WeakMap<Socket, Identity | GatewayError>()
  /** Fingerprints of trusted certificates: a resumed TLS session does not have the rest of the chain. */
  readonly #trusted = new LRUCache<string, true>({ max: MAX_TRUSTED })

  /** Replaces the settings; connections are judged anew. */
  update(settings: CertificateSettings | undefined, principalOf: PrincipalOf): void {
    this.#settings = settings
    this.#authorities = settings ? certificatesOf(settings.ca) : []
    this.#principalOf = principalOf
    const { ca, ...rest } = settings ?? { ca: undefined }
    this.#tag = createHash('sha256')
      .update(JSON.stringify(rest))
      .update(ca ?? '')
      .digest('base64url')
      .slice(0, 12)
    this.#known = new WeakMap()
    this.#trusted.clear()
  }

  get isEmpty(): boolean {
    return this.#settings === undefined
  }

  /**
   * Whether a call on this connection lacks the certificate that every call needs.
   * @throws GatewayError UNAUTHENTICATED if the certificate is needed and not valid
   */
  isMissing(socket: Socket): boolean {
    if (this.#settings?.required !== true) return false
    try {
      return this.of(socket) === undefined
    } catch (error) {
      // A valid one may give no role: other credentials do.
      if (error instanceof GatewayError && error.code === 'FORBIDDEN') return false
      throw error
    }
  }

  /**
   * The identity of the certificate of a connection; undefined if there is none.
   * @throws GatewayError UNAUTHENTICATED if the certificate is not valid, FORBIDDEN if nothing gives its holder a role
   */
  of(socket: Socket): Identity | undefined {
    if (!this.#settings || !(socket instanceof TLSSocket)) return undefined
    let found = this.#known.get(socket)
    if (found === undefined) {
      const certificate = socket.getPeerCertificate(true)
      if (!certificate?.raw) return undefined
      found = this.#judge(socket, certificate, this.#settings)
      this.#known.set(socket, found)
    }
    if (found instanceof GatewayError) throw refusedLogin(found, 'certificate')
    if (Date.now() >= found.expiresAt)
      throw refusedLogin(new GatewayError('UNAUTHENTICATED', 'The client certificate has expired.'), 'certificate')
    return found
  }

  /** The identity for which a bearer token was issued; undefined if the settings have changed. */
  ofProof(name: string, proof: Uint8Array): Identity | undefined {
    if (!this.#settings || Buffer.from(proof).toString() !== this.#tag) return undefined
    const identity = this.#identityOf(name.slice(CERTIFICATE_PREFIX.length), Number.POSITIVE_INFINITY, this.#settings)
    return identity instanceof GatewayError ? undefined : identity
  }

  #judge(
    socket: TLSSocket,
    certificate: DetailedPeerCertificate,
    settings: CertificateSettings,
  ): Identity | GatewayError {
    // The authorities may have changed since the handshake.
    if (!socket.authorized || !this.#isTrusted(certificate)) {
      const reason = socket.authorizationError ? ` (${socket.authorizationError})` : ''
      return new GatewayError(
        'UNAUTHENTICATED',
        `The client certificate is not of an authority of this gateway${reason}.`,
      )
    }
    const name = nameOf(certificate, settings.principal)
    if (name === undefined || !printable.test(name) || Buffer.byteLength(name) > MAX_NAME_BYTES)
      return new GatewayError('UNAUTHENTICATED', `The client certificate has no name (${settings.principal}).`)
    return this.#identityOf(name, Date.parse(certificate.valid_to), settings)
  }

  #identityOf(name: string, expiresAt: number, settings: CertificateSettings): Identity | GatewayError {
    const keysOf = (names: Readonly<Record<string, readonly string[]>>) =>
      Object.entries(names).flatMap(([key, list]) => (list.includes('*') || list.includes(name) ? [key] : []))
    const roles = keysOf(settings.roles)
    const full = CERTIFICATE_PREFIX + name
    if (roles.length === 0)
      return new GatewayError('FORBIDDEN', `The certificate of ${full} gives no role (auth.clientCertificates.roles).`)
    const principal = this.#principalOf({ name: full, roles, groups: keysOf(settings.groups) })
    return { principal, expiresAt, proof: Buffer.from(this.#tag) }
  }

  #isTrusted(certificate: DetailedPeerCertificate): boolean {
    if (this.#trusted.has(certificate.fingerprint256)) return true
    let at = certificate
    for (let depth = 0; depth < MAX_CHAIN; depth++) {
      const one = new X509Certificate(at.raw)
      if (this.#authorities.some((authority) => one.checkIssued(authority) && one.verify(authority.publicKey))) {
        this.#trusted.set(certificate.fingerprint256, true)
        return true
      }
      const issuer = at.issuerCertificate
      if (!issuer || issuer === at || !one.verify(new X509Certificate(issuer.raw).publicKey)) return false
      at = issuer
    }
    return false
  }
}

/** The certificates of a PEM file. */
function certificatesOf(pem: Buffer): X509Certificate[] {
  const blocks = pem.toString().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

function nameOf(
  { subject, subjectaltname }: DetailedPeerCertificate,
  from: CertificateSettings['principal'],
): string | undefined {
  // A subject may hold several.
  if (from === 'cn') return [(subject as { CN?: string | string[] }).CN ?? []].flat()[0]
  // Node.js quotes names that hold separators.
  if (subjectaltname?.includes('"')) return undefined
  const prefix = prefixOf[from]
  return subjectaltname
    ?.split(', ')
    .find((each) => each.startsWith(prefix))
    ?.slice(prefix.length)
}
