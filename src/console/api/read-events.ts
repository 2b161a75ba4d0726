/** A server-sent event. */
export interface ServerEvent {
  readonly event: string
  readonly data: string
}

/**
 * Reads server-sent events as the gateway writes them: `event`, `id` and one line of `data`. A comment is no event; an event that
 * has no end is dropped.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      // The end of an event may be cut in two.
      let searchFrom = Math.max(0, text.length - 1)
      text += decoder.decode(next.value, { stream: true })
      let start = 0
      for (let end = text.indexOf('\n\n', searchFrom); end >= 0; end = text.indexOf('\n\n', searchFrom)) {
        const event = eventOf(text.slice(start, end))
        if (event) yield event
        start = end + 2
        searchFrom = start
      }
      text = text.slice(start)
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

function eventOf(block: string): ServerEvent | undefined {
  let event = ''
  let data: string | undefined
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) event = line.slice(7)
    else if (line.startsWith('data: ')) data = line.slice(6)
  }
  return data === undefined ? undefined : { event, data }
}
