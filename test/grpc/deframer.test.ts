import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decompress } from '../../src/grpc/server/requests/decompress.ts'
import { Deframer } from '../../src/grpc/server/requests/deframer.ts'
import { GatewayError } from '../../src/query/errors.ts'

const framed = (body: Uint8Array, flag = 0): Buffer => {
  const out = Buffer.alloc(5 + body.length)
  out[0] = flag
  out.writeUInt32BE(body.length, 1)
  out.set(body, 5)
  return out
}

describe('Deframer', () => {
  it('copies small messages out of a large read, so that they do not retain it', () => {
    const read = Buffer.concat([framed(Buffer.from('abc')), Buffer.alloc(60_000)])
    const [message] = new Deframer(1000).push(read.subarray(0, 8))
    expect(String(message!.bytes)).toBe('abc')
    expect(message!.bytes.buffer).not.toBe(read.buffer)
  })

  it('yields the same messages wherever the reads split the bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
        (bodies, cuts) => {
          const stream = Buffer.concat(bodies.map((body) => framed(body)))
          const deframer = new Deframer(1000)
          const got: Buffer[] = []
          for (let at = 0, i = 0; at < stream.length; i++) {
            const end = at + cuts[i % cuts.length]!
            got.push(...deframer.push(stream.subarray(at, end)).map(({ bytes }) => bytes))
            at = end
          }
          expect(got.map((each) => [...each])).toEqual(bodies.map((body) => [...body]))
          expect(deframer.idle).toBe(true)
        },
      ),
      { interruptAfterTimeLimit: 3000 },
    )
  })

  it('refuses a message above the limit as soon as its length is read', () => {
    const prefix = Buffer.from([0, 0xff, 0xff, 0xff, 0xff])
    expect(() => new Deframer(1000).push(prefix)).toThrow(/at most 1000/)
  })

  it('is not idle in the middle of a message', () => {
    const deframer = new Deframer(1000)
    deframer.push(framed(Buffer.from('abc')).subarray(0, 6))
    expect(deframer.idle).toBe(false)
  })
})

describe('decompress', () => {
  const undo = (bytes: Buffer, maxBytes: number, encoding = 'gzip') => {
    let kept = 0
    const keep = (bytes: number) => {
      kept += bytes
    }
    return decompress(bytes, encoding, maxBytes, keep).then((out) => ({ out, kept }))
  }

  it('decompresses gzip and reports the bytes that it holds', async () => {
    const { out, kept } = await undo(gzipSync('hello'), 100)
    expect(String(out)).toBe('hello')
    expect(kept).toBe(5)
    const large = Buffer.alloc(1 << 20, 'abcdefg')
    expect((await undo(gzipSync(large), 1 << 20)).out.equals(large)).toBe(true)
  })

  it('gzip bomb: stops at the limit with TOO_LARGE', async () => {
    const bomb = gzipSync(Buffer.alloc(1 << 20))
    await expect(undo(bomb, 1000)).rejects.toMatchObject({ code: 'TOO_LARGE' })
  })

  it('memory budget exhausted: stops before it decompresses the next piece', async () => {
    const bomb = gzipSync(Buffer.alloc(16 << 20))
    let asked = 0
    const keep = (bytes: number) => {
      asked += bytes
      if (asked > 100_000) throw new GatewayError('QUEUE_FULL')
    }
    await expect(decompress(bomb, 'gzip', 16 << 20, keep)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(asked).toBeLessThan(300_000)
  })

  it('refuses garbage and unknown encodings', async () => {
    await expect(undo(Buffer.from('junk'), 100)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(undo(gzipSync('cut').subarray(0, 15), 100)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(undo(Buffer.from('x'), 100, 'br')).rejects.toMatchObject({ code: 'UNIMPLEMENTED' })
  })
})
