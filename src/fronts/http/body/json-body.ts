import type { IncomingMessage } from 'node:http'
import type { CallMemory } from '../../../grpc/server/requests/memory-budget.ts'
import { GatewayError } from '../../../query/errors.ts'
import { findJsonFault } from './json-position.ts'
import { checkJsonShape } from './json-shape.ts'

/** Bounds of a request's body; see `docs/configuration.md`, `http`. */
export interface BodyBounds {
  readonly maxBodyBytes: number
  readonly bodyTimeoutMs: number
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The call that a body belongs to. */
export interface BodyOwner {
  /** Ends the wait for the body. */
  readonly signal: AbortSignal
  readonly memory: CallMemory
}

/**
 * Reads and parses the body of a request. The memory of its bytes stays taken until the call ends.
 * @throws GatewayError TOO_LARGE, QUEUE_FULL, BODY_TIMEOUT, WRONG_CONTENT_TYPE, BAD_REQUEST with the position of the fault;
 * what `checkJsonShape` throws
 */
export async function readJsonBody(request: IncomingMessage, bounds: BodyBounds, owner: BodyOwner): Promise<unknown> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity')
    throw new GatewayError('WRONG_CONTENT_TYPE', `Send the body without content-encoding ${JSON.stringify(encoding)}.`)
  if (Number(request.headers['content-length']) > bounds.maxBodyBytes) throw tooLarge(bounds)
  return await parseJson(await readBytes(request, bounds, owner))
}

function readBytes(request: IncomingMessage, bounds: BodyBounds, { signal, memory }: BodyOwner): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let byteLength = 0
    const settle = (error?: unknown) => {
      clearTimeout(timer)
      memory.finish()
      request.off('data', onData).off('end', onEnd).off('error', onError)
      signal.removeEventListener('abort', onAbort)
      if (error === undefined) resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
      else reject(error)
    }
    const onData = (chunk: Buffer) => {
      byteLength += chunk.byteLength
      if (byteLength > bounds.maxBodyBytes) return settle(tooLarge(bounds))
      try {
        memory.take(chunk.byteLength)
        chunks.push(chunk)
      } catch (error) {
        settle(error)
      }
    }
    const onEnd = () => settle()
    const onError = () => settle(new GatewayError('CANCELLED', 'The client closed the connection.'))
    const onAbort = () => settle(signal.reason)
    const timer = setTimeout(() => settle(late(bounds)), bounds.bodyTimeoutMs)
    request.on('data', onData).on('end', onEnd).on('error', onError)
    signal.addEventListener('abort', onAbort)
    memory.begin((error) => {
      memory.give(byteLength)
      settle(error)
    })
    if (signal.aborted) onAbort()
  })
}

async function parseJson(bytes: Buffer): Promise<unknown> {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new GatewayError('BAD_REQUEST', 'The body is not UTF-8.')
  }
  // No body at all: the schema says what is missing.
  if (text === '') return undefined
  await checkJsonShape(bytes)
  try {
    return JSON.parse(text)
  } catch {
    const { line, column, reason } = await findJsonFault(text)
    throw new GatewayError('BAD_REQUEST', `The body is not JSON: line ${line}, column ${column}: ${reason}.`)
  }
}

function tooLarge({ maxBodyBytes }: BodyBounds): GatewayError {
  return new GatewayError('TOO_LARGE', `The body is above ${maxBodyBytes} bytes (http.maxBodyBytes).`)
}

function late({ bodyTimeoutMs }: BodyBounds): GatewayError {
  return new GatewayError('BODY_TIMEOUT', `The body did not arrive within ${bodyTimeoutMs} ms (http.bodyTimeoutMs).`)
}
