import type { ApiError } from '../api-error.ts'
import type { FieldSchema } from '../schema.ts'
import { type BytesRead, bytesOf } from '../sql/estimate.ts'
import { scriptOf } from '../sql/script.ts'
import type { FakeTable } from '../table.ts'
import type { FakeTables } from '../tables.ts'
import { type CannedAnswer, type CannedAnswers, cannedError } from './answers.ts'
import type { QueryConfiguration } from './job.ts'

/** What a dry run tells. */
export interface DryRun {
  readonly statementType: string
  readonly bytes: number
  readonly accuracy: BytesRead['accuracy'] | 'UNKNOWN'
  readonly schema?: readonly FieldSchema[]
  readonly referenced: readonly FakeTable[]
  /** As `dataset.routine`. */
  readonly routines?: readonly string[]
  readonly undeclared?: readonly { readonly name?: string; readonly type: string }[]
}

/**
 * Estimates a statement, or a script up to the first statement whose effect the estimate cannot know.
 * @throws ApiError
 */
export function dryRun(query: QueryConfiguration, project: string, tables: FakeTables, answers: CannedAnswers): DryRun {
  const canned = answers.find(query.query)
  if (canned) return cannedDryRun(canned)
  const script = scriptOf(
    query.query,
    tables,
    { project: query.defaultDataset?.projectId ?? project, dataset: query.defaultDataset?.datasetId },
    query.queryParameters ?? [],
    true,
  )
  let bytes = 0
  let accuracy: DryRun['accuracy'] = 'PRECISE'
  let last: DryRun | undefined
  const referenced = new Set<FakeTable>()
  for (const statement of script.statements) {
    const compiled = statement.compile()
    const read = bytesOf(compiled.scans)
    bytes += read.estimated
    if (read.accuracy !== 'PRECISE' && accuracy !== 'LOWER_BOUND') accuracy = read.accuracy
    for (const scan of compiled.scans) for (const table of scan.tables) referenced.add(table)
    last = {
      statementType: compiled.type,
      bytes,
      accuracy,
      ...(compiled.schema && { schema: compiled.schema }),
      referenced: [...referenced],
    }
    if (compiled.endsEstimate && script.statements.length > 1) {
      last = { ...last, accuracy: 'LOWER_BOUND' }
      break
    }
  }
  const whole = { ...last!, undeclared: script.undeclared }
  return script.statements.length === 1 ? whole : { ...whole, statementType: 'SCRIPT' }
}

function cannedDryRun(canned: CannedAnswer): DryRun {
  const error: ApiError | undefined = cannedError(canned)
  if (error && [400, 403, 404].includes(error.status) && /^(invalid|notFound|accessDenied)/.test(error.reason))
    throw error
  return {
    statementType: canned.statementType ?? 'SELECT',
    bytes: canned.estimatedBytes ?? canned.processedBytes ?? 0,
    accuracy: canned.accuracy ?? 'PRECISE',
    ...(canned.schema && { schema: canned.schema }),
    referenced: [],
    ...(canned.routines && { routines: canned.routines }),
  }
}
