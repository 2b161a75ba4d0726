import type { UpstreamEndpoint } from '../protocol/flight-sql-client.ts'

/** The part of an upstream's FlightInfo that a statement needs when it runs. It travels inside the gateway's sealed tickets. */
export interface UpstreamHandle {
  /** Name of the address that planned the statement; empty if its tickets were removed. */
  readonly address: string
  /** The parts of the result, in order. */
  readonly endpoints: readonly UpstreamEndpoint[]
  /** The announced kinds of the result's columns; see `kindsOf`. */
  readonly announced?: string | undefined
}

interface Payload {
  readonly a: string
  readonly c?: string
  readonly e: readonly { readonly t: string; readonly l?: readonly string[] }[]
}

/** Packs a handle. */
export function encodeHandle({ address, endpoints, announced }: UpstreamHandle): Uint8Array {
  const payload: Payload = {
    a: address,
    ...(announced !== undefined && { c: announced }),
    e: endpoints.map(({ ticket, locations }) => ({
      t: Buffer.from(ticket).toString('base64'),
      ...(locations.length > 0 && { l: locations }),
    })),
  }
  return Buffer.from(JSON.stringify(payload))
}

/** Unpacks what `encodeHandle` packed. */
export function decodeHandle(handle: Uint8Array): UpstreamHandle {
  const { a, c, e } = JSON.parse(Buffer.from(handle).toString()) as Payload
  return {
    address: a,
    endpoints: e.map(({ t, l = [] }) => ({ ticket: Buffer.from(t, 'base64'), locations: l })),
    ...(c !== undefined && { announced: c }),
  }
}

/** The handle without address and tickets: when the statement runs, it is planned again. */
export function withoutTickets(handle: Uint8Array): Uint8Array {
  return encodeHandle({ ...decodeHandle(handle), address: '', endpoints: [] })
}
