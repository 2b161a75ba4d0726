import { ErrorCode } from '../../src/http2/protocol.ts'
import { batchMessage, batchOf, flightData, schema, schemaOf } from './flight-messages.ts'
import { framed, type UpstreamCall } from './upstream-call.ts'

const INTERNAL_ERROR = 2
const DRIP_MS = 30
/** Pause after a GOAWAY, so that the client sees it before later frames. */
const AFTER_GOAWAY_MS = 50

/** A requested result: the call, and the words after the behaviour's name in the statement. */
export class AskedResult {
  readonly call: UpstreamCall
  readonly batches: number
  /** Words that errors quote. */
  readonly quoted: string

  constructor(call: UpstreamCall, batches: number, quoted: string) {
    this.call = call
    this.batches = batches
    this.quoted = quoted
  }

  /** Sends the headers, the schema and the batches. */
  async rows(of = schema, pauseMs = 0): Promise<void> {
    this.call.start()
    await this.call.writeMessage(flightData(of))
    for (let i = 0; i < this.batches && !this.call.isOver; i++) {
      await this.call.writeMessage(batchMessage)
      if (pauseMs > 0) await passed(pauseMs)
    }
  }

  /** Sends the batches, then these messages, then status OK. */
  async rowsAnd(...messages: readonly Uint8Array[]): Promise<void> {
    await this.rows()
    for (const message of messages) await this.call.writeMessage(message)
    this.call.finish(0)
  }
}

/** A behaviour of DoGet. */
export type Behaviour = (asked: AskedResult) => unknown

/** The behaviours by name; fake-upstream.ts has the table that describes them. */
export const behaviours: Readonly<Record<string, Behaviour>> = {
  ok: (asked) => asked.rowsAnd(),
  drip: async (asked) => {
    await asked.rows(schema, DRIP_MS)
    asked.call.finish(0)
  },
  'hang-before-headers': () => {},
  hang: (asked) => asked.rows(),
  rst: async (asked) => {
    await asked.rows()
    asked.call.reset(INTERNAL_ERROR)
  },
  cut: async (asked) => {
    await asked.rows()
    asked.call.connection.socket.destroy()
  },
  goaway: async (asked) => {
    await asked.rows()
    asked.call.connection.goaway()
    await passed(AFTER_GOAWAY_MS)
    await asked.call.writeMessage(batchMessage)
    asked.call.finish(0)
  },
  'no-status': async (asked) => {
    await asked.rows()
    asked.call.reset(ErrorCode.noError)
  },
  'no-trailers': async (asked) => {
    await asked.rows()
    asked.call.endWithoutTrailers()
  },
  'no-schema': async ({ call }) => {
    await call.answer({ messages: [batchMessage] })
  },
  text: async (asked) => {
    await asked.rows(schemaOf(['i', 'u']))
    asked.call.finish(0)
  },
  'second-schema': (asked) => asked.rowsAnd(flightData(schemaOf(['other', 'l']))),
  short: (asked) => asked.rowsAnd(batchOf(1, 8)),
  truncated: async (asked) => {
    await asked.rows()
    await asked.call.write(framed(batchMessage).subarray(0, 100))
    asked.call.finish(0)
  },
  fail: async (asked) => {
    await asked.rows()
    asked.call.finish(13, `it broke ${asked.quoted}\n\tat java.lang.Secret(Internal.java:1)`)
  },
  unavailable: async (asked) => {
    await asked.rows()
    asked.call.finish(14, `out of memory on node 7 ${asked.quoted}`)
  },
}

/** Faults before any answer, by name. */
export const losses = {
  cut: (call: UpstreamCall) => void call.connection.socket.destroy(),
  refused: (call: UpstreamCall) => call.reset(ErrorCode.refusedStream),
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
