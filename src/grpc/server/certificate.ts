/** A server's certificate chain and private key, as PEM. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
  /** Authorities of client certificates; the server asks for one if they are there. */
  readonly ca?: Buffer
}

/** TLS options of the server. It asks for certificates, and `authenticate` judges them, since open methods need none. */
export function tlsOptions(certificate: Certificate) {
  const { ca } = certificate
  return { ...certificate, requestCert: ca !== undefined, rejectUnauthorized: false, ALPNProtocols: ['h2'] }
}
