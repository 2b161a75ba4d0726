import type { ByteSink } from '../answer/serial-sink.ts'
import type { EventStream } from '../sse/event-stream.ts'

/** Writes the parts of a streamed batch. The data of an event is what the line of NDJSON is. */
export interface BatchLines {
  /** @param event name of the event @param json one line of JSON in pieces. @throws GatewayError CANCELLED, STALLED */
  write(event: BatchEvent, json: readonly Uint8Array[]): Promise<void>
}

/** Names of the events of a streamed batch. */
export type BatchEvent = 'schema' | 'rows' | 'statement' | 'summary' | 'error'

const lineEnd = Buffer.from('\n')

/** The parts as lines of NDJSON. */
export function ndjsonLines(sink: ByteSink): BatchLines {
  return { write: (_event, json) => sink.write([...json, lineEnd]) }
}

/** The parts as server-sent events. */
export function eventLines(events: EventStream): BatchLines {
  return { write: (event, json) => events.send(event, json) }
}
