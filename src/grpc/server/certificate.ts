/** A server's certificate chain and private key, as PEM. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}
