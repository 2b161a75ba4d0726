import { isIP } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { UpstreamAddress } from '../../../grpc/client/address.ts'
import { tlsOptions, type UpstreamTls } from '../../../grpc/client/channel.ts'

/** The client preface and an empty SETTINGS frame. Source: RFC 9113, sections 3.4 and 4.1. */
const CLIENT_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'
const FRAME_TYPE_AT = 3
const SETTINGS_FRAME = 4

/** Advice by error codes of Node and OpenSSL. */
const adviceByCode: readonly (readonly [code: RegExp, advice: string])[] = [
  [/ALTNAME/, 'set serverName to a name that the certificate has'],
  [/EXPIRED|NOT_YET_VALID/, "renew the server's certificate, or set the clock of this machine"],
  [/SELF_SIGNED|UNABLE_TO|CERT_UNTRUSTED|INVALID_CA/, 'set ca to the authority of its certificate'],
  [/ALERT.*CERTIFICATE|CERT_REQUIRED/, 'the server requires a client certificate that it trusts: set cert and key'],
  [
    /APPLICATION_PROTOCOL|NO_HTTP2/,
    'the port offers no HTTP/2 (ALPN h2): check that it is the Flight port, and check the proxy in front of it',
  ],
  [
    /CLOSED_AFTER|ECONNRESET/,
    'the server closed the connection: it may require a client certificate (cert and key) that it trusts',
  ],
]

/** A TLS failure for which neither Node nor OpenSSL has a code. */
class TlsFailure extends Error {
  readonly code: 'NO_HTTP2' | 'CLOSED_AFTER_HANDSHAKE'

  constructor(code: TlsFailure['code'], message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Does the TLS handshake and waits for the server's HTTP/2 SETTINGS frame: only that proves that the server accepts the
 * gateway's certificate. Returns a description of the TLS session.
 * @throws Error of TLS
 */
export async function tryTls({ host, port }: UpstreamAddress, tls: UpstreamTls, timeoutMs: number): Promise<string> {
  // SNI does not allow an IP address. The certificate is still checked against it.
  const serverName = tls.serverName ?? (isIP(host) === 0 ? host : undefined)
  const socket = connectTls({ host, port, ALPNProtocols: ['h2'], ...tlsOptions({ ...tls, serverName }) })
  try {
    return await new Promise<string>((resolve, reject) => {
      let seen = ''
      let answer: Buffer<ArrayBufferLike> = Buffer.alloc(0)
      const noHttp2 = () => reject(new TlsFailure('NO_HTTP2', 'TLS, but no HTTP/2'))
      socket.setTimeout(timeoutMs, () => {
        if (socket.alpnProtocol === false) noHttp2()
        else reject(new Error(`no answer within ${timeoutMs} ms`))
      })
      socket.once('error', reject)
      socket.once('secureConnect', () => {
        seen = describe(socket, tls.skipVerify)
        socket.write(CLIENT_PREFACE)
      })
      socket.on('data', (bytes: Buffer) => {
        answer = Buffer.concat([answer, bytes])
        if (answer.length <= FRAME_TYPE_AT) return
        if (answer[FRAME_TYPE_AT] === SETTINGS_FRAME) resolve(seen)
        else noHttp2()
      })
      socket.once('close', () => {
        if (socket.alpnProtocol === false) noHttp2()
        else reject(new TlsFailure('CLOSED_AFTER_HANDSHAKE', 'the server closed the connection after the handshake'))
      })
    })
  } finally {
    socket.destroy()
  }
}

function describe(socket: TLSSocket, skipVerify: boolean): string {
  const { subject, valid_to: until } = socket.getPeerCertificate()
  const speaks = socket.alpnProtocol || 'HTTP/2 without ALPN'
  const notVerified = skipVerify ? ', NOT VERIFIED' : ''
  return `${socket.getProtocol()}, ${speaks}, certificate of ${subject?.CN ?? 'an unnamed subject'} until ${until}${notVerified}`
}

/** Advice for the operator about a failure of `tryTls`. */
export function tlsAdvice(source: string, error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException
  const [, advice] = adviceByCode.find(([pattern]) => pattern.test(code)) ?? []
  return advice === undefined
    ? `Check that the port speaks TLS. Then check sources.${source}.tls: ca for a private authority, serverName for another name.`
    : `In sources.${source}.tls: ${advice}.`
}
