/** What a server shows to its clients, as PEM: the certificate chain and its private key. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}
