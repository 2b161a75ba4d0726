import { ArrowError } from '../../arrow/errors.ts'
import { readHeader } from '../../arrow/ipc/header.ts'
import { readStream } from '../../arrow/ipc/ipc.ts'
import { LoopTurn } from '../../async/loop-turn.ts'
import { GatewayError } from '../../query/errors.ts'

/**
 * Checks that parameters are an Arrow IPC stream with a schema first. The source checks the values.
 * @throws GatewayError TOO_LARGE above `maxBytes`, BAD_REQUEST
 */
export async function checkParameters(stream: Uint8Array, maxBytes: number): Promise<void> {
  if (stream.byteLength > maxBytes)
    throw new GatewayError('TOO_LARGE', `The parameters are above ${maxBytes} bytes (limits.maxParameterBytes).`)
  const turn = new LoopTurn()
  let hasSchema = false
  try {
    for (const { header } of readStream(stream)) {
      const pause = turn.next()
      if (pause) await pause
      if ((readHeader(header).kind === 'schema') === hasSchema)
        throw new ArrowError('MALFORMED', 'The first message, and only that, must be the schema.')
      hasSchema = true
    }
    if (!hasSchema) throw new ArrowError('MALFORMED', 'The stream has no schema.')
  } catch (cause) {
    if (!(cause instanceof ArrowError)) throw cause
    const text = `The parameters are not a valid Arrow IPC stream: ${cause.message}`
    throw new GatewayError('BAD_REQUEST', text, { cause })
  }
}
