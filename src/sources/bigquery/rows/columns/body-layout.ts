import type { BatchLayout } from '../../../../arrow/batches/batch.ts'

/** The nodes and buffers of a record batch, in the order of its columns. The body is assembled with one copy of each buffer. */
export class BodyLayout {
  readonly #nodes: number[] = []
  readonly #buffers: number[] = []
  readonly #parts: Uint8Array[] = []
  #end = 0

  node(rows: number, nulls: number): void {
    this.#nodes.push(rows, nulls)
  }

  /** Adds a buffer, which must not change until `body` is called. */
  buffer(bytes: Uint8Array): void {
    this.#buffers.push(this.#end, bytes.byteLength)
    this.#parts.push(bytes)
    this.#end += (bytes.byteLength + 7) & ~7
  }

  layout(rows: number): BatchLayout {
    return { rows, nodes: this.#nodes, buffers: this.#buffers, bodyLength: this.#end }
  }

  /** The body, in memory of its own. */
  body(): Uint8Array {
    const body = Buffer.allocUnsafeSlow(this.#end)
    for (const [i, part] of this.#parts.entries()) {
      const from = this.#buffers[2 * i]!
      const to = from + part.byteLength
      body.set(part, from)
      body.fill(0, to, (to + 7) & ~7)
    }
    return body
  }
}
