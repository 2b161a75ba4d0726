import { type Columns, combine, type Series, seriesOf } from './columns.ts'

/** Time between two samples, in milliseconds. Samples fall on multiples of it on the clock, so those of all processes line up. */
export const SAMPLE_MS = 10_000
/** Samples that are kept: those of an hour. */
export const SAMPLES = 360

/** Samples of the last hour, column by column, in memory that does not grow: 8 bytes a value. */
export class SampleRing<C extends Columns> {
  readonly #columns: C
  readonly #names: readonly (keyof C & string)[]
  /** The multiple of `SAMPLE_MS` at which a sample was taken; -1 without one. */
  readonly #at = new Int32Array(SAMPLES).fill(-1)
  readonly #values: Float64Array

  constructor(columns: C) {
    this.#columns = columns
    this.#names = Object.keys(columns)
    this.#values = new Float64Array(SAMPLES * this.#names.length)
  }

  get byteLength(): number {
    return this.#at.byteLength + this.#values.byteLength
  }

  /** Puts in a sample. @param at multiple of `SAMPLE_MS` since 1970 @param values NaN where nothing is known */
  add(at: number, values: Readonly<Record<keyof C & string, number>>): void {
    const index = at % SAMPLES
    this.#at[index] = at
    for (const [column, name] of this.#names.entries()) this.#values[column * SAMPLES + index] = values[name]
  }

  /**
   * The values of so many steps of `samples` samples each.
   * @param from multiple of `SAMPLE_MS` at which the first step begins
   */
  series(from: number, steps: number, samples: number): Series<keyof C & string> {
    return seriesOf(this.#names, (name, column) => {
      const rule = this.#columns[name]!.inStep
      return Array.from({ length: steps }, (_, step) => this.#step(column, rule, from + step * samples, samples))
    })
  }

  #step(column: number, rule: Parameters<typeof combine>[0], from: number, samples: number): number | null {
    let value = Number.NaN
    for (let at = from; at < from + samples; at++) {
      const index = at % SAMPLES
      if (this.#at[index] === at) value = combine(rule, value, this.#values[column * SAMPLES + index]!)
    }
    return Number.isNaN(value) ? null : value
  }
}
