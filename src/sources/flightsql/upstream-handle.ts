/** What is remembered of an upstream's answer between planning and running; travels inside our sealed tickets. */
export interface UpstreamHandle {
  /** Name of the address that planned it. */
  readonly address: string
  /** As DoGet takes them, in order. */
  readonly tickets: readonly Uint8Array[]
}

interface Payload {
  readonly a: string
  readonly t: readonly string[]
}

/** Packs a handle. */
export function encodeHandle({ address, tickets }: UpstreamHandle): Uint8Array {
  const payload: Payload = { a: address, t: tickets.map((ticket) => Buffer.from(ticket).toString('base64')) }
  return Buffer.from(JSON.stringify(payload))
}

/** Unpacks what `encodeHandle` packed. */
export function decodeHandle(handle: Uint8Array): UpstreamHandle {
  const { a, t } = JSON.parse(Buffer.from(handle).toString()) as Payload
  return { address: a, tickets: t.map((ticket) => Buffer.from(ticket, 'base64')) }
}
