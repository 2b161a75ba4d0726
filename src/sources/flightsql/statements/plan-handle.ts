import type { UpstreamEndpoint } from '../protocol/flight-sql-client.ts'
import type { FlightSqlConfig } from '../settings.ts'

/** The part of an upstream's FlightInfo that a statement needs when it runs. It travels inside the gateway's sealed tickets. */
export interface UpstreamHandle {
  /** Name of the address that planned the statement; empty if its tickets were removed. */
  readonly address: string
  /** The parts of the result, in order. */
  readonly endpoints: readonly UpstreamEndpoint[]
  /** The announced kinds of the result's columns; see `kindsOf`. */
  readonly announced?: string | undefined
  /** The login that planned the statement: for whom it stands, and its user. Absent for that of the source. Others plan it again. */
  readonly login?: string | undefined
}

interface Payload {
  readonly a: string
  readonly c?: string
  readonly u?: string
  readonly e: readonly { readonly t: string; readonly l?: readonly string[] }[]
}

/** `UpstreamHandle.login` of a source with these settings. */
export function loginOf({ standsFor, username }: Pick<FlightSqlConfig, 'standsFor' | 'username'>): string | undefined {
  return standsFor === undefined ? undefined : JSON.stringify([standsFor, username])
}

/** Packs a handle. */
export function encodeHandle({ address, endpoints, announced, login }: UpstreamHandle): Uint8Array {
  const payload: Payload = {
    a: address,
    ...(announced !== undefined && { c: announced }),
    ...(login !== undefined && { u: login }),
    e: endpoints.map(({ ticket, locations }) => ({
      t: Buffer.from(ticket).toString('base64'),
      ...(locations.length > 0 && { l: locations }),
    })),
  }
  return Buffer.from(JSON.stringify(payload))
}

/** Unpacks what `encodeHandle` packed. */
export function decodeHandle(handle: Uint8Array): UpstreamHandle {
  const { a, c, e, u } = JSON.parse(Buffer.from(handle).toString()) as Payload
  return {
    address: a,
    endpoints: e.map(({ t, l = [] }) => ({ ticket: Buffer.from(t, 'base64'), locations: l })),
    ...(c !== undefined && { announced: c }),
    ...(u !== undefined && { login: u }),
  }
}

/** The handle without address and tickets: when the statement runs, it is planned again. */
export function withoutTickets(handle: Uint8Array): Uint8Array {
  return encodeHandle({ ...decodeHandle(handle), address: '', endpoints: [] })
}
