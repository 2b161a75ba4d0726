import type { Frame } from '../../arrow/ipc/frame.ts'
import type { GrpcCall } from '../../grpc/server/call.ts'
import type { Method, Methods } from '../../grpc/server/method.ts'
import { OwnedElsewhere } from '../../query/replicas/owned-elsewhere.ts'
import type { Peers } from './peers.ts'

/**
 * Methods whose calls are passed on to the process that has their transaction or statement. A method finds that out before it
 * has done anything for the call, and before it reads a second message of an upload.
 */
export function forwardCalls(methods: Methods, peers: Peers): Methods {
  const entries = Object.entries(methods).map(([path, method]): [string, Method] =>
    method.open || method.background ? [path, method] : [path, forwarding(method, peers)],
  )
  return Object.fromEntries(entries)
}

function forwarding(method: Method, peers: Peers): Method {
  switch (method.kind) {
    case 'unary': {
      const { handle } = method
      const handleOrForward = (request: Buffer, call: GrpcCall) => {
        const forward = (error: unknown) => peers.single(ownerOf(error), call, request)
        try {
          const answer = handle(request, call)
          return answer instanceof Promise ? answer.catch(forward) : answer
        } catch (error) {
          return forward(error)
        }
      }
      return { ...method, handle: handleOrForward }
    }
    case 'serverStream': {
      const { handle } = method
      return {
        ...method,
        handle: (request: Buffer, call: GrpcCall) =>
          handle(request, call).catch((error: unknown) => peers.stream(ownerOf(error), call, [request])),
      }
    }
    case 'bidi': {
      const { handle } = method
      return {
        ...method,
        handle: (requests: AsyncGenerator<Buffer, void, undefined>, call: GrpcCall) => {
          const upload = new Upload(requests)
          return handle(upload, call).catch((error: unknown) => peers.stream(ownerOf(error), call, upload.frames()))
        },
      }
    }
  }
}

/** @throws the error itself unless the call has to go to another process */
function ownerOf(error: unknown): OwnedElsewhere {
  if (error instanceof OwnedElsewhere) return error
  throw error
}

/** The messages of an upload, of which the first one can be read again. */
class Upload implements AsyncGenerator<Buffer, void, undefined> {
  readonly #messages: AsyncGenerator<Buffer, void, undefined>
  #first: Buffer | undefined
  #count = 0

  constructor(messages: AsyncGenerator<Buffer, void, undefined>) {
    this.#messages = messages
  }

  async next(): Promise<IteratorResult<Buffer, void>> {
    const next = await this.#messages.next()
    if (!next.done) this.#first = ++this.#count === 1 ? next.value : undefined
    return next
  }

  return(): Promise<IteratorResult<Buffer, void>> {
    return this.#messages.return()
  }

  throw(error: unknown): Promise<IteratorResult<Buffer, void>> {
    return this.#messages.throw(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#messages.return()
  }

  /** All messages, from the first one on. */
  async *frames(): AsyncGenerator<Frame, void, undefined> {
    if (this.#count > 1) throw new Error('more than one message of the upload has been read')
    if (this.#first) yield frameOf(this.#first)
    for await (const message of this.#messages) yield frameOf(message)
  }
}

function frameOf(message: Buffer): Frame {
  return { chunks: [message], byteLength: message.byteLength, rows: 0 }
}
