import type { DryRun } from '../jobs/estimate-query.ts'
import type { FakeJob, JobConfiguration } from '../jobs/job.ts'
import type { FakeTable } from '../table.ts'
import type { FakeDataset } from '../tables.ts'

/** A job as jobs.get answers it. */
export function jobView(job: FakeJob) {
  const reference = { projectId: job.project, jobId: job.id, location: job.location }
  const { result, dml, ddl } = job
  const explicit = job.configuration.query.destinationTable
  const destination = job.parent || job.statementType !== 'SCRIPT' ? (explicit ?? result?.reference) : undefined
  return {
    kind: 'bigquery#job',
    etag: 'etag',
    id: `${job.project}:${job.location}.${job.id}`,
    selfLink: `https://bigquery.googleapis.com/bigquery/v2/projects/${job.project}/jobs/${job.id}?location=${job.location}`,
    user_email: 'user@example.com',
    principal_subject: 'user:user@example.com',
    configuration: {
      ...job.configuration,
      jobType: 'QUERY',
      query: {
        priority: 'INTERACTIVE',
        useLegacySql: false,
        ...job.configuration.query,
        ...(destination && { destinationTable: destination }),
      },
    },
    jobReference: reference,
    statistics: {
      creationTime: String(job.createdAt),
      ...(job.startedAt !== undefined && { startTime: String(job.startedAt) }),
      ...(job.endedAt !== undefined && { endTime: String(job.endedAt) }),
      ...(job.parent && { parentJobId: job.parent.id }),
      ...(job.children.length > 0 && { numChildJobs: String(job.children.length) }),
      ...(job.state === 'DONE' && {
        totalBytesProcessed: String(job.bytesProcessed),
        totalSlotMs: String(job.slotMs),
        ...(job.configuration.reservation && { reservation_id: job.configuration.reservation }),
        query: {
          totalBytesProcessed: String(job.bytesProcessed),
          totalBytesBilled: String(job.bytesBilled),
          billingTier: 1,
          totalSlotMs: String(job.slotMs),
          cacheHit: job.cacheHit,
          statementType: job.statementType,
          ...(job.referenced.length > 0 && { referencedTables: job.referenced.map(({ reference: table }) => table) }),
          ...(dml && { numDmlAffectedRows: affected(job), dmlStats: dml }),
          ...(ddl && { ddlOperationPerformed: ddl.operation, ddlTargetTable: targetOf(ddl.target) }),
          ...job.statistics,
        },
      }),
    },
    status: {
      state: job.state,
      ...(job.error && { errorResult: job.error.proto, errors: [job.error.proto] }),
    },
  }
}

/** Rows that DML changed, as text. */
export function affected({ dml }: FakeJob): string {
  return String(Object.values(dml ?? {}).reduce((sum, count) => sum + Number(count), 0))
}

function targetOf([projectId, datasetId, tableId]: readonly string[]) {
  return { projectId, datasetId, tableId }
}

/** The answer of jobs.insert to a dry run: there is no job, so it has no id. */
export function dryRunView(project: string, location: string, configuration: JobConfiguration, estimate: DryRun) {
  return {
    kind: 'bigquery#job',
    etag: 'etag',
    id: `${project}:${location}.`,
    configuration: { ...configuration, jobType: 'QUERY', dryRun: true },
    jobReference: { projectId: project, location },
    statistics: {
      creationTime: String(Date.now()),
      totalBytesProcessed: String(estimate.bytes),
      query: {
        totalBytesProcessed: String(estimate.bytes),
        totalBytesBilled: '0',
        cacheHit: false,
        statementType: estimate.statementType,
        totalBytesProcessedAccuracy: estimate.accuracy,
        ...(estimate.referenced.length > 0 && {
          referencedTables: estimate.referenced.map(({ reference }) => reference),
        }),
        ...(estimate.routines && {
          referencedRoutines: estimate.routines.map((name) => {
            const [datasetId, routineId] = name.split('.')
            return { projectId: project, datasetId, routineId }
          }),
        }),
        ...(estimate.schema && { schema: { fields: estimate.schema } }),
        ...(estimate.undeclared?.length && {
          undeclaredQueryParameters: estimate.undeclared.map(({ name, type }) => ({
            ...(name !== undefined && { name }),
            parameterType: { type: standardName(type) },
          })),
        }),
      },
    },
    status: { state: 'DONE' },
  }
}

/** Parameters have the names of GoogleSQL's types. */
function standardName(type: string): string {
  return { INTEGER: 'INT64', FLOAT: 'FLOAT64', BOOLEAN: 'BOOL', RECORD: 'STRUCT' }[type] ?? type
}

/** A table as tables.get answers it. */
export function tableView(table: FakeTable) {
  const { declaration } = table
  const { partitioning, clustering, requirePartitionFilter, primaryKey, foreignKeys } = declaration
  const filter = requirePartitionFilter ? { requirePartitionFilter: true } : {}
  const byTime = partitioning && partitioning.type !== 'RANGE'
  const field = partitioning?.column === '_PARTITIONTIME' ? {} : { field: partitioning?.column }
  return {
    ...tableItem(table),
    etag: 'etag',
    schema: { fields: table.schema },
    ...(declaration.description && { description: declaration.description }),
    ...(declaration.labels && { labels: declaration.labels }),
    numBytes: String(table.numBytes),
    numLongTermBytes: '0',
    numRows: String(table.numRows),
    lastModifiedTime: String(table.createdAt),
    location: table.location,
    ...filter,
    ...(byTime && { timePartitioning: { type: partitioning.type, ...field, ...filter } }),
    ...(partitioning?.range && {
      rangePartitioning: {
        field: partitioning.column,
        range: Object.fromEntries(Object.entries(partitioning.range).map(([key, value]) => [key, String(value)])),
      },
    }),
    ...(clustering && { clustering: { fields: clustering } }),
    ...(table.kind === 'VIEW' && { view: { query: declaration.query, useLegacySql: false } }),
    ...((primaryKey || foreignKeys) && {
      tableConstraints: {
        ...(primaryKey && { primaryKey: { columns: primaryKey } }),
        ...(foreignKeys && {
          foreignKeys: foreignKeys.map(({ name, table: target, columns }) => ({
            name,
            referencedTable: targetOf([table.project, ...target.split('.')]),
            columnReferences: columns.map(({ column, refers }) => ({
              referencingColumn: column,
              referencedColumn: refers,
            })),
          })),
        }),
      },
    }),
  }
}

/** A table as tables.list lists it. */
export function tableItem(table: FakeTable) {
  const { partitioning, clustering } = table.declaration
  const field = partitioning?.column === '_PARTITIONTIME' ? {} : { field: partitioning?.column }
  return {
    kind: 'bigquery#table',
    id: `${table.project}:${table.dataset}.${table.name}`,
    tableReference: table.reference,
    type: table.kind,
    creationTime: String(table.createdAt),
    ...(partitioning && partitioning.type !== 'RANGE' && { timePartitioning: { type: partitioning.type, ...field } }),
    ...(clustering && { clustering: { fields: clustering } }),
  }
}

/** A dataset as datasets.get and datasets.list answer it. */
export function datasetView({ project, name, location, createdAt, description, labels }: FakeDataset) {
  return {
    kind: 'bigquery#dataset',
    id: `${project}:${name}`,
    datasetReference: { projectId: project, datasetId: name },
    location,
    creationTime: String(createdAt),
    lastModifiedTime: String(createdAt),
    ...(description && { description }),
    ...(labels && { labels }),
  }
}
