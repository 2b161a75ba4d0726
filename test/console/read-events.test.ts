import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readEvents, type ServerEvent } from '../../src/console/api/read-events.ts'

async function eventsOf(pieces: readonly Uint8Array[]): Promise<ServerEvent[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece)
      controller.close()
    },
  })
  const events: ServerEvent[] = []
  for await (const event of readEvents(body)) events.push(event)
  return events
}

const text = ': beat\n\nevent: schema\nid: a-1\ndata: {"columns":[]}\n\nevent: rows\nid: a-2\ndata: [["ä€😀"]]\n\n'
const expected = [
  { event: 'schema', data: '{"columns":[]}' },
  { event: 'rows', data: '[["ä€😀"]]' },
]

describe('readEvents', () => {
  it('reads the same events wherever the bytes are cut', async () => {
    const bytes = Buffer.from(text)
    const cuts = fc.uniqueArray(fc.nat(bytes.length), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(cuts, async (list) => {
        const ends = [...list.sort((a, b) => a - b), bytes.length]
        const pieces = ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1]!, end))
        expect(await eventsOf(pieces.filter(({ length }) => length > 0))).toEqual(expected)
      }),
    )
  })

  it('drops an event that has no end', async () => {
    expect(await eventsOf([Buffer.from(`${text}event: rows\ndata: [`)])).toEqual(expected)
  })
})
