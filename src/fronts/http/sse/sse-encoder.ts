const text = new TextEncoder()
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const dataField = text.encode('data: ')
const lineEnd = text.encode('\n')
const eventEnd = text.encode('\n\n')

/** A comment, which clients ignore: it keeps proxies from cutting a silent connection. */
export const sseHeartbeat: Uint8Array = text.encode(': heartbeat\n\n')

/**
 * Encodes one event as the pieces of its bytes; those of `data` are not copied. A line break within `data` begins another `data`
 * field, which clients join with LF again. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html.
 * @param event name of the event, without line breaks
 * @param id of the event, without line breaks and NUL
 * @param data UTF-8 text in pieces
 */
export function sseEvent(event: string, id: string, data: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [text.encode(`event: ${event}\nid: ${id}\ndata: `)]
  for (const piece of data) {
    if (isOneLine(piece)) pieces.push(piece)
    else pushLines(piece, pieces)
  }
  pieces.push(eventEnd)
  return pieces
}

function isOneLine(piece: Uint8Array): boolean {
  return piece.indexOf(LINE_FEED) < 0 && piece.indexOf(CARRIAGE_RETURN) < 0
}

/** Pushes a piece with a `data` field after each line break. A client takes CR, LF and CR LF for a line break. */
function pushLines(piece: Uint8Array, pieces: Uint8Array[]): void {
  let start = 0
  for (let at = 0; at < piece.length; at++) {
    if (piece[at] !== LINE_FEED && piece[at] !== CARRIAGE_RETURN) continue
    pieces.push(piece.subarray(start, at), lineEnd, dataField)
    if (piece[at] === CARRIAGE_RETURN && piece[at + 1] === LINE_FEED) at++
    start = at + 1
  }
  pieces.push(piece.subarray(start))
}
