import type { ServerStream } from '../../../http2/index.ts'
import type { Principal } from '../../../query/types.ts'
import type { CallMemory } from './memory-budget.ts'
import { RequestBuffer } from './request-buffer.ts'

/**
 * Holds what a client sends while its call is being authenticated, within the memory of callers without credentials, and passes it
 * on once the call has begun. If the stream ends before that, nothing begins.
 * @param memory the account of the call until then; closed at the end
 * @param begin begins the call, which takes over the stream's events, and returns the start of its work
 * @param refuse answers the call with an error and takes over the stream's events
 */
export function awaitCaller(
  stream: ServerStream,
  caller: Promise<Principal>,
  memory: CallMemory,
  begin: (principal: Principal) => () => void,
  refuse: (error: unknown) => void,
): void {
  const held = new RequestBuffer()
  let isOver = false
  const settle = (takeOver: () => (() => void) | undefined) => {
    if (isOver) return
    isOver = true
    const start = takeOver()
    memory.close()
    const { listener } = stream
    start?.()
    for (let bytes = held.take(); bytes; bytes = held.take()) listener.onData(bytes)
    if (stream.remoteEnded) listener.onEnd()
  }
  const fail = (error: unknown) =>
    settle(() => {
      refuse(error)
      return undefined
    })
  stream.listener = {
    onData(bytes) {
      const before = held.heldBytes
      held.append(bytes)
      try {
        memory.take(held.heldBytes - before)
      } catch (error) {
        fail(error)
      }
    },
    onEnd() {},
    onClose() {
      isOver = true
      memory.close()
    },
  }
  const onCaller = (principal: Principal) =>
    settle(() => {
      try {
        return begin(principal)
      } catch (error) {
        refuse(error)
        return undefined
      }
    })
  caller.then(onCaller, fail)
}
