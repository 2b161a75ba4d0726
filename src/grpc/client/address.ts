/** Address of an upstream. */
export interface UpstreamAddress {
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

/** Formats an address as a URL. */
export function formatAddress({ host, port, tls }: UpstreamAddress): string {
  return `grpc${tls ? '+tls' : ''}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
