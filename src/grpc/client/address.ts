/** Where an upstream is. */
export interface UpstreamAddress {
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

/** The address as text. */
export function formatAddress({ host, port, tls }: UpstreamAddress): string {
  return `grpc${tls ? '+tls' : ''}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
