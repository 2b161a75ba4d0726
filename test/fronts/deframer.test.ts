import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Deframer, decompress } from '../../src/fronts/grpc/deframer.ts'

const framed = (body: Uint8Array, flag = 0): Buffer => {
  const out = Buffer.alloc(5 + body.length)
  out[0] = flag
  out.writeUInt32BE(body.length, 1)
  out.set(body, 5)
  return out
}

describe('Deframer', () => {
  it('keep alive no more than themselves, though they were cut from a large read', () => {
    const read = Buffer.concat([framed(Buffer.from('abc')), Buffer.alloc(60_000)])
    const [message] = new Deframer(1000).push(read.subarray(0, 8))
    expect(String(message!.bytes)).toBe('abc')
    expect(message!.bytes.buffer).not.toBe(read.buffer)
  })

  it('finds the same messages however the bytes are cut', () => {
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

  it('knows when it stands in the middle of a message', () => {
    const deframer = new Deframer(1000)
    deframer.push(framed(Buffer.from('abc')).subarray(0, 6))
    expect(deframer.idle).toBe(false)
  })
})

describe('decompress', () => {
  const message = (bytes: Buffer) => ({ compressed: true, bytes })

  it('undoes gzip', async () => {
    expect(String(await decompress(message(gzipSync('hello')), 'gzip', 100))).toBe('hello')
  })

  it('stops a bomb at the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(1 << 20))
    await expect(decompress(message(bomb), 'gzip', 1000)).rejects.toMatchObject({ code: 'TOO_LARGE' })
  })

  it('refuses garbage and unknown encodings', async () => {
    await expect(decompress(message(Buffer.from('junk')), 'gzip', 100)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(decompress(message(Buffer.from('x')), 'br', 100)).rejects.toMatchObject({ code: 'UNIMPLEMENTED' })
  })
})
