import type { BilledPart, Estimate, EstimateAccuracy } from '../../../query/estimate.ts'
import type { JobResource, TableReferenceResource } from '../rest/api.ts'
import { wholeNumberOf } from '../rest/whole-number.ts'
import type { StatementText } from '../text/statement-text.ts'
import type { DryRun } from './dry-run.ts'
import type { CostlyRoutine } from './routines.ts'

const accuracies: Readonly<Record<string, EstimateAccuracy>> = {
  PRECISE: 'exact',
  UPPER_BOUND: 'upper_bound',
  LOWER_BOUND: 'lower_bound',
  UNKNOWN: 'unknown',
}
/** Multi-region of the datasets that were created without a location. */
const DEFAULT_LOCATION = 'US'

/** What the gateway knows of a statement besides its dry run. */
export interface KnownOfStatement {
  /** Reservation of the settings. */
  readonly reservation: string | undefined
  /** Routines that it calls and that cost extra, or may. */
  readonly routines: readonly CostlyRoutine[]
  /** How often it runs: each run is assumed to read as much as the first. */
  readonly runs: number
}

/**
 * The estimate of a statement by its dry run, without a price. 0 bytes of a statement that reads tables are unknown bytes: that is
 * what BigQuery tells for tables with row policies and for external tables. A script with loops, conditions or calls reads at
 * least what the dry run tells, since it stops there.
 * Source: https://cloud.google.com/bigquery/docs/best-practices-costs#estimate-query-costs.
 * @param known what the dry run does not tell
 */
export function estimateOf(
  { job, statementType, location }: DryRun,
  text: StatementText,
  { reservation, routines, runs }: KnownOfStatement,
): Estimate {
  const query = job.statistics?.query
  const tables = query?.referencedTables && distinctTables(query.referencedTables)
  const { bytes, accuracy, isSilent } = bytesOf(job, text, tables)
  const part: BilledPart = {
    ...(bytes !== undefined && { processedBytes: bytes }),
    ...(isSilent && { isSilent }),
    ...(text.statements > 1 && !text.hasControlFlow && { statements: text.statements }),
    ...(tables && { tables: tables.length }),
  }
  const ranBy = reservation === undefined ? job.statistics?.reservation_id : reservation
  const externalCosts = externalCostsOf(job, text, routines)
  return {
    accuracy: runs > 1 && accuracy !== 'unknown' ? 'estimated' : accuracy,
    ...(bytes !== undefined && { bytes: runs * bytes }),
    ...(statementType !== '' && { statementType }),
    ...(tables && { referencedTables: tables }),
    ...(externalCosts.length > 0 && { externalCosts }),
    billing: {
      location: location ?? DEFAULT_LOCATION,
      parts: new Array<BilledPart>(runs).fill(part),
      ...(ranBy !== undefined && ranBy !== 'none' && { reservation: ranBy }),
    },
  }
}

function bytesOf(
  { statistics }: JobResource,
  text: StatementText,
  tables: readonly string[] | undefined,
): { bytes?: number; accuracy: EstimateAccuracy; isSilent?: boolean } {
  const bytes = wholeNumberOf(statistics?.query?.totalBytesProcessed ?? statistics?.totalBytesProcessed)
  const accuracy = accuracies[statistics?.query?.totalBytesProcessedAccuracy ?? ''] ?? 'estimated'
  if (bytes === undefined || accuracy === 'unknown') return { accuracy: 'unknown' }
  const scans = tables ? tables.length > 0 : text.hasFrom
  if (bytes === 0 && scans) return { accuracy: 'unknown', isSilent: accuracy === 'exact' && !text.hasControlFlow }
  return { bytes, accuracy: text.hasControlFlow ? 'lower_bound' : accuracy }
}

function distinctTables(references: readonly TableReferenceResource[]): string[] {
  return [...new Set(references.map(({ projectId, datasetId, tableId }) => `${projectId}.${datasetId}.${tableId}`))]
}

/** Charges that a dry run does not tell, one sentence each. */
function externalCostsOf(
  { statistics }: JobResource,
  { externalFunctions }: StatementText,
  routines: readonly CostlyRoutine[],
): string[] {
  const costs: string[] = []
  const namesOf = (of: CostlyRoutine['cost']) =>
    routines
      .filter(({ cost }) => cost === of)
      .map(({ name }) => name)
      .join(', ')
  const [billed, doubtful] = [namesOf('other'), namesOf('unknown')]
  if (billed)
    costs.push(`It calls ${billed}: functions in Python, remote functions and models are billed by their own services.`)
  if (doubtful)
    costs.push(
      `It calls ${doubtful}, of which the gateway cannot tell whether it runs Python, remote functions or models, which are billed by their own services.`,
    )
  if (externalFunctions.length > 0)
    costs.push(`It calls ${externalFunctions.join(', ')}: models and other services are billed on their own.`)
  const regions = statistics?.globalQueryRemoteRegions ?? []
  if (regions.length > 0)
    costs.push(
      `It reads tables in ${regions.join(', ')}: BigQuery bills the remote parts and the copying between regions.`,
    )
  return costs
}
