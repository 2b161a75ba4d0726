import { type ServiceError, status } from '@grpc/grpc-js'

/** Advice by the cause of a failed connect, because the library's own text is for its developers. */
const connecting: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/ECONNREFUSED/, 'nothing listens there: is the server up, and the port right?'],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/, 'there is no such host: check the name'],
  [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/, 'the host does not answer: check the address and the network'],
  [
    /self.signed|unable to (get|verify)|UNABLE_TO|DEPTH_ZERO/i,
    'its certificate is not trusted: set its authority with --tls-ca',
  ],
  [/altnames|ERR_TLS_CERT_ALTNAME/i, 'its certificate is for another name: use the name that is in it'],
  [/CERT_HAS_EXPIRED|certificate has expired/i, 'its certificate has expired'],
  [/wrong version number|packet length too long/i, 'it does not speak TLS: try grpc:// in place of grpc+tls://'],
  [
    /ECONNRESET|socket hang up|disconnected|socket closed|Protocol error|Failed to connect/i,
    'it closes the connection: try grpc+tls:// if it speaks TLS, and check that it is a Flight server',
  ],
]

/** One sentence on why a query failed. @param endpoint as in the options */
export function describeFailure(error: unknown, endpoint: string): string {
  const { code, details } = error as Partial<ServiceError>
  if (typeof code !== 'number' || details === undefined) return `error: ${(error as Error).message}`
  const isConnecting = code === status.UNAVAILABLE && /No connection established|Name resolution failed/.test(details)
  if (!isConnecting) return `${status[code] ?? code}: ${details}`
  const advice = connecting.find(([pattern]) => pattern.test(details))?.[1]
  const cause = /Last error: (?:Error: )?(.*?)\.? *(?:Resolution note:.*)?$/s.exec(details)?.[1]
  return `UNAVAILABLE: ${endpoint} cannot be reached: ${advice ?? cause ?? 'no connection was established'}`
}
