import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import type { Http2Client } from '../../src/http2/client.ts'
import { connectHttp2 } from '../../src/http2/connect.ts'
import { frame, settingsFrame } from '../../src/http2/frames/frame-writer.ts'
import type { ReceiveBuffer } from '../../src/http2/frames/receive-buffers.ts'
import type { HeaderFields } from '../../src/http2/hpack/header-decoder.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { FrameFlag, FrameType } from '../../src/http2/protocol.ts'
import type { StreamEnd } from '../../src/http2/streams/client-stream.ts'

/** Functions that run after each test, the last one first. */
export const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Default settings of the tests' connections. */
export const options = { windowBytes: 1 << 20, maxFrameBytes: 1 << 20, maxHeaderListBytes: 65_536 }
/** Header block of a request. */
export const post = encodeHeaders([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'x'],
])

/** A connection, and the events that its owner receives. */
export class Connection {
  readonly client: Http2Client
  goaway: number | undefined
  closed: { error: Error | undefined } | undefined
  readonly ready: Promise<void>
  #wake = () => {}

  constructor(port: number, given = options) {
    const ready = Promise.withResolvers<void>()
    this.ready = ready.promise
    this.client = connectHttp2({ host: '127.0.0.1', port }, given, {
      onReady: ready.resolve,
      onGoaway: (code) => {
        this.goaway = code
        this.#wake()
      },
      onClose: (error) => {
        this.closed = { error }
        this.#wake()
      },
    })
    closers.push(() => this.client.destroy())
  }

  async until(is: () => boolean): Promise<void> {
    while (!is())
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
  }

  /** Makes a request and collects the whole response; returns each piece to the window by default. */
  call(body: readonly Uint8Array[] = [], { end = true, credit = true } = {}): Call {
    return new Call(this.client, body, end, credit)
  }
}

/** A request, and what has arrived of its response. */
export class Call {
  readonly headers: HeaderFields[] = []
  readonly pieces: { bytes: Buffer; buffer: ReceiveBuffer }[] = []
  received = 0
  readonly stream
  readonly done: Promise<StreamEnd | undefined>

  constructor(client: Http2Client, body: readonly Uint8Array[], end: boolean, credit: boolean) {
    let finish: (end: StreamEnd | undefined) => void
    this.done = new Promise((resolve) => {
      finish = resolve
    })
    this.stream = client.request(post, body, end, {
      onHeaders: (fields) => this.headers.push({ ...fields }),
      onData: (bytes, buffer) => {
        buffer.hold()
        this.pieces.push({ bytes, buffer })
        this.received += bytes.length
        if (credit) this.stream.credit(bytes.length)
      },
      onEnd: () => finish(undefined),
      onAbort: (how) => finish(how),
    })
  }

  get body(): Buffer {
    return Buffer.concat(this.pieces.map(({ bytes }) => bytes))
  }
}

/** A raw server that sends the bytes that a test gives. */
export async function script(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {})
    closers.push(() => socket.destroy())
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** The first bytes of a server: its SETTINGS. */
export const opening = Buffer.concat([settingsFrame([]), frame(FrameType.settings, FrameFlag.ack, 0, Buffer.alloc(0))])

/** The header block of a response that does not end the stream. */
export const okBlock = encodeHeaders([[':status', '200']])
