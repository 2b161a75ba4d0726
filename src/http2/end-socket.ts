import type { Socket } from 'node:net'

/** How long a peer may take to close its side, in milliseconds. */
const LINGER_MS = 1000

/** Ends a socket. One that is closed while the peer still sends takes back what the peer has not read yet: it is waited for a moment. */
export function endSocket(socket: Socket): void {
  socket.end()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
