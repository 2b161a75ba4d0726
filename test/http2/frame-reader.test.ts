import { describe, expect, it } from 'vitest'
import { FrameReader } from '../../src/http2/frames/frame-reader.ts'
import { frame } from '../../src/http2/frames/frame-writer.ts'
import { FrameFlag, FrameType, Http2ProtocolError } from '../../src/http2/protocol.ts'

interface Seen {
  data: string
  ends: string[]
  frames: string[]
}

function read(pieces: Iterable<Buffer>, maxFrameBytes = 1 << 20): Seen {
  const seen: Seen = { data: '', ends: [], frames: [] }
  const reader = new FrameReader(maxFrameBytes, {
    onData: (id, bytes) => {
      seen.data += `${id}:${bytes.toString('latin1')} `
    },
    onDataEnd: (id, length, padding, end) => seen.ends.push(`${id} ${length} ${padding} ${end}`),
    onFrame: (type, flags, id, payload) => seen.frames.push(`${type} ${flags} ${id} ${payload.toString('latin1')}`),
  })
  for (const piece of pieces) reader.push(piece)
  return seen
}

const padded = Buffer.from('\u0003hello\0\0\0', 'latin1')
const stream = Buffer.concat([
  frame(FrameType.settings, 0, 0, Buffer.alloc(0)),
  frame(FrameType.headers, FrameFlag.endHeaders, 1, Buffer.from('block')),
  frame(FrameType.data, FrameFlag.padded, 1, padded),
  frame(FrameType.data, 0, 3, Buffer.from('world')),
  frame(FrameType.data, FrameFlag.endStream, 1, Buffer.alloc(0)),
  frame(0x42, 0, 0, Buffer.from('unknown')),
])

describe('FrameReader', () => {
  it('yields the same frames wherever the reads split the bytes', () => {
    const whole = read([stream])
    expect(whole).toEqual({
      data: '1:hello 3:world ',
      ends: ['1 9 4 false', '3 5 0 false', '1 0 0 true'],
      frames: ['4 0 0 ', '1 4 1 block', '66 0 0 unknown'],
    })
    const joined = ({ data, ...rest }: Seen) => ({ ...rest, data: data.replaceAll(/\d:| /g, '') })
    for (let size = 1; size <= stream.length; size++) {
      const pieces = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
        stream.subarray(i * size, (i + 1) * size),
      )
      expect(joined(read(pieces))).toEqual(joined(whole))
    }
  })

  it.each([
    ['a frame with more padding than payload', frame(FrameType.data, FrameFlag.padded, 1, Buffer.from('\u0005abc'))],
    ['a padded frame without its length byte', frame(FrameType.data, FrameFlag.padded, 1, Buffer.alloc(0))],
    ['a frame above the size limit', frame(FrameType.data, 0, 1, Buffer.alloc(16_385))],
    ['a header block above the size limit', frame(FrameType.headers, 0, 1, Buffer.alloc(16_385))],
  ])('with %s are refused', (_, bytes) => {
    expect(() => read([bytes], 16_384)).toThrow(Http2ProtocolError)
  })
})
