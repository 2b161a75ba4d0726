import type { Span } from '../../query/tracing/span.ts'
import type { CallMetadata, Context } from '../../query/types.ts'
import type { FlightSqlConfig } from './settings.ts'

/** Names of the metadata that the gateway forwards between clients and an upstream. */
export type ForwardingConfig = FlightSqlConfig['forward']

const REQUEST_ID = 'x-request-id'
const TRACE_PARENT = 'traceparent'
const TRACE_STATE = 'tracestate'
/** Clients and servers accept about 8 KiB of metadata in total. */
const MAX_VALUE_LENGTH = 4096

/** Selects the metadata of a call to forward to the upstream. The request id is the one in the gateway's log. */
export function metadataToServer({ metadata, requestId }: Context, { toServer }: ForwardingConfig): CallMetadata {
  const picked = pick(metadata ?? {}, toServer)
  return toServer.includes(REQUEST_ID) ? { ...picked, [REQUEST_ID]: requestId } : picked
}

/** The metadata with the trace of a span in place of the client's, if the trace is forwarded. */
export function withTrace(metadata: CallMetadata, { traceParent, traceState }: Span, { toServer }: ForwardingConfig) {
  if (!toServer.includes(TRACE_PARENT)) return metadata
  const { [TRACE_STATE]: _, ...rest } = metadata
  const state = toServer.includes(TRACE_STATE) ? traceState : undefined
  return { ...rest, [TRACE_PARENT]: traceParent, ...(state !== undefined && { [TRACE_STATE]: state }) }
}

/** Selects the metadata of an upstream to forward to the client; undefined if there is none. */
export function metadataToClient(
  metadata: Readonly<Record<string, string | readonly string[] | undefined>>,
  { toClient }: ForwardingConfig,
): CallMetadata | undefined {
  const picked = pick(metadata, toClient)
  return Object.keys(picked).length > 0 ? picked : undefined
}

function pick(
  metadata: Readonly<Record<string, string | readonly string[] | undefined>>,
  names: readonly string[],
): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of names) {
    const value = metadata[name]
    const text = value === undefined || typeof value === 'string' ? value : value.join(', ')
    if (text !== undefined && text.length <= MAX_VALUE_LENGTH) picked[name] = text
  }
  return picked
}
