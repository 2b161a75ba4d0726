import { parentPort } from 'node:worker_threads'
import { parse as parseCst } from 'bq2cst'
import { type Parse, suggestionsOf, tablesOf } from '../analysis.ts'
import type { RawNode } from '../syntax/tree.ts'
import type { AnalysisReply, AnalysisRequest } from './messages.ts'

const parse: Parse = (sql) => parseCst(sql) as readonly unknown[] as readonly RawNode[]

parentPort!.on('message', (request: AnalysisRequest) => parentPort!.postMessage(answer(request)))

function answer(request: AnalysisRequest): AnalysisReply {
  try {
    return request.kind === 'tables'
      ? { tables: tablesOf(request.sql, parse) }
      : { suggestions: suggestionsOf(request.sql, request.facts, request.now, parse) }
  } catch (error) {
    // A syntax error is a plain object. After a RuntimeError of WebAssembly the parser's memory may be damaged.
    return error instanceof Error ? { isBroken: true } : {}
  }
}
