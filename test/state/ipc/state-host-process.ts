import { StateHost } from '../../../src/state/ipc/state-host.ts'
import type { StateRequest } from '../../../src/state/ipc/state-messages.ts'

/** A process that holds the state; each lane of its IPC channel is one worker. */
const host = new StateHost({ maxStoreBytes: 1 << 20, maxBlobBytes: 160 << 20 })
const lanes = new Map<number, ReturnType<StateHost['serve']>>()

process.on('message', ({ lane, request }: { lane: number; request: StateRequest }) => {
  let served = lanes.get(lane)
  if (!served) {
    served = host.serve((reply, onSent) => process.send!({ lane, reply }, undefined, undefined, onSent))
    lanes.set(lane, served)
  }
  served.receive(request)
})
