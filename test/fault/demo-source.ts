import { GatewayError } from '../../src/query/errors.ts'
import type { Source } from '../../src/query/source.ts'
import type { Context, Query } from '../../src/query/types.ts'
import type { DuckDbConfig } from '../../src/sources/duckdb/settings.ts'
import { openDuckDbSource } from '../../src/sources/duckdb/source.ts'
import type { PlanLimits } from '../../src/sources/duckdb/workers/planning.ts'

const defaults: DuckDbConfig = {
  path: ':memory:',
  init: [],
  writes: true,
  losslessTypes: true,
  maxStreams: 4,
  batchRows: 65_536,
  batchBytes: 2 << 20,
}

/** Options of a statement. */
export interface Asked {
  readonly signal?: AbortSignal
  readonly transaction?: string
  /** Name of the principal. */
  readonly principal?: string
}

/** A DuckDB source under test, with its log messages. */
export class DemoSource {
  readonly source: Source
  readonly #messages: readonly string[]

  private constructor(source: Source, messages: readonly string[]) {
    this.source = source
    this.#messages = messages
  }

  static async open(changes: Partial<DuckDbConfig> = {}, limits?: PlanLimits): Promise<DemoSource> {
    const messages: string[] = []
    const keep = (_: object, message: string) => messages.push(message)
    const log = { debug() {}, info: keep, error() {}, warn: keep }
    return new DemoSource(
      await openDuckDbSource('demo', { ...defaults, ...changes }, { log, ...(limits && { limits }) }),
      messages,
    )
  }

  /** The log messages that contain this text. */
  logged(text: string): readonly string[] {
    return this.#messages.filter((message) => message.includes(text))
  }

  /** The context of a call that lasts until the signal aborts. */
  context(signal: AbortSignal = new AbortController().signal, principal = 'tester'): Context {
    return {
      principal: { name: principal, roles: ['writer'] },
      signal,
      deadlineAt: Number.POSITIVE_INFINITY,
      requestId: 'r',
      log: { debug() {}, info() {}, warn() {}, error() {} },
    }
  }

  /** Plans a statement; returns the outcome. */
  plan(sql: string, asked: Asked = {}): Promise<string> {
    return outcomeOf(this.source.plan(queryOf(sql, asked), this.context(asked.signal, asked.principal)))
  }

  /** Runs a statement without planning it and reads its rows; returns the outcome. */
  run(sql: string, asked: Asked & { readonly isUpdate?: boolean } = {}): Promise<string> {
    return outcomeOf(this.#read(sql, asked))
  }

  async #read(sql: string, asked: Asked & { readonly isUpdate?: boolean }): Promise<void> {
    const runnable = { kind: asked.isUpdate ? 'update' : 'read', query: queryOf(sql, asked) } as const
    const result = await this.source.run(runnable, this.context(asked.signal))
    for await (const frames of result.frames) for (const frame of frames) frame.release?.()
  }
}

function queryOf(sql: string, { transaction }: Asked): Query {
  return { source: 'demo', sql, session: {}, purpose: 'any', ...(transaction !== undefined && { transaction }) }
}

/** `OK`, the code of a GatewayError, or any other error as text. */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'OK'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}
