import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'

/** What a client needs to know to connect. */
export interface PythonTarget {
  /** Host and port on which the gateway listens. */
  readonly address: string
  /** The gateway's certificate as PEM; absent without TLS. */
  readonly cert?: Buffer | undefined
  readonly needsKey: boolean
}

/** A line of Python that reads one row. The user must replace `ca.pem` and `YOUR-API-KEY`. */
export function tryPython({ address, cert, needsKey }: PythonTarget): string {
  const colon = address.lastIndexOf(':')
  const host = reachableHost(address.slice(0, colon).replace(/^\[|\]$/g, ''), cert)
  const uri = `grpc${cert ? '+tls' : ''}://${host.includes(':') ? `[${host}]` : host}${address.slice(colon)}`
  const options = needsKey ? ', o' : ''
  return [
    'import pyarrow.flight as fl',
    `c = fl.connect("${uri}"${cert ? ', tls_root_certs=open("ca.pem", "rb").read()' : ''})`,
    ...(needsKey ? ['o = fl.FlightCallOptions(headers=[c.authenticate_basic_token("me", "YOUR-API-KEY")])'] : []),
    `i = c.get_flight_info(fl.FlightDescriptor.for_command(b"SELECT 42 AS answer")${options})`,
    `print(c.do_get(i.endpoints[0].ticket${options}).read_all())`,
  ].join('; ')
}

/** A host that this machine can reach; with TLS preferably a name in the certificate. */
function reachableHost(listened: string, cert: Buffer | undefined): string {
  const wildcards: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const host = wildcards[listened] ?? listened
  if (!cert) return host
  const certificate = new X509Certificate(cert)
  const fits = isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)
  return fits ? host : (/DNS:([^,*]+)(?:,|$)/.exec(certificate.subjectAltName ?? '')?.[1] ?? host)
}
