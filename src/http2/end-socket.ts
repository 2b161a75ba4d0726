import type { Socket } from 'node:net'

/** Time for the peer to close its side, in milliseconds. */
const LINGER_MS = 1000

/**
 * Ends a socket and destroys it after 1 s at most. Destroying it at once, while the peer still sends, causes a TCP reset, which
 * discards data that the peer has not read yet.
 */
export function endSocket(socket: Socket): void {
  socket.end()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
