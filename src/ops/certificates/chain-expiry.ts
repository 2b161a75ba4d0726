import { X509Certificate } from 'node:crypto'

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * When the first certificate of a chain ends, in Unix milliseconds: from then on clients refuse it.
 * @param pem the server's certificate and those between it and its authority
 * @returns undefined if there is no certificate in it
 */
export function chainExpiry(pem: Buffer): number | undefined {
  const ends = [...pem.toString().matchAll(block)].map(([text]) => Date.parse(new X509Certificate(text).validTo))
  return ends.length === 0 ? undefined : Math.min(...ends)
}
