/**
 * The parts of BigQuery's REST resources that the gateway reads. 64-bit numbers are texts, and every member may be absent.
 * Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job and .../v2/jobs/query.
 */

/** An error of a call, a job or a row. `reason` is from a closed list; `message` is for people. */
export interface ErrorProto {
  readonly reason?: string
  readonly location?: string
  readonly message?: string
}

/** Names a job. */
export interface JobReferenceResource {
  readonly projectId?: string
  readonly jobId?: string
  readonly location?: string
}

/** Names a table. */
export interface TableReferenceResource {
  readonly projectId: string
  readonly datasetId: string
  readonly tableId: string
}

/** Names a routine: a function or procedure. */
export interface RoutineReferenceResource {
  readonly projectId?: string
  readonly datasetId?: string
  readonly routineId?: string
}

/** A routine. */
export interface RoutineResource {
  /** `SQL`, `JAVASCRIPT`, `PYTHON`, `JAVA` or `SCALA`; remote functions have none. */
  readonly language?: string
  readonly definitionBody?: string
  /** Present if it is a remote function. */
  readonly remoteFunctionOptions?: object
  /** Present if it is a procedure of Apache Spark. */
  readonly sparkOptions?: object
}

/** A column of a table or a result, or a member of a STRUCT. */
export interface FieldResource {
  readonly name: string
  readonly type: string
  readonly mode?: string
  readonly fields?: readonly FieldResource[]
  readonly rangeElementType?: { readonly type: string }
}

/** The schema of a table or a result. */
export interface SchemaResource {
  readonly fields?: readonly FieldResource[]
}

/** A query parameter of a statement that has no value: dry runs list them. */
export interface UndeclaredParameter {
  readonly name?: string
  readonly parameterType?: ParameterType
}

/** Type of a query parameter. */
export interface ParameterType {
  readonly type: string
  readonly arrayType?: ParameterType
  readonly structTypes?: readonly { readonly name?: string; readonly type: ParameterType }[]
  readonly rangeElementType?: ParameterType
}

/** Rows that a DML statement has changed. */
export interface DmlStats {
  readonly insertedRowCount?: string
  readonly deletedRowCount?: string
  readonly updatedRowCount?: string
}

/** `statistics.query` of a job. */
export interface QueryStatistics {
  readonly statementType?: string
  readonly totalBytesProcessed?: string
  readonly totalBytesProcessedAccuracy?: string
  readonly totalBytesBilled?: string
  readonly totalSlotMs?: string
  readonly cacheHit?: boolean
  readonly billingTier?: number
  readonly schema?: SchemaResource
  readonly referencedTables?: readonly TableReferenceResource[]
  readonly referencedRoutines?: readonly RoutineReferenceResource[]
  readonly undeclaredQueryParameters?: readonly UndeclaredParameter[]
  readonly numDmlAffectedRows?: string
  readonly dmlStats?: DmlStats
  readonly externalServiceCosts?: readonly { readonly externalService?: string }[]
}

/** `statistics` of a job. */
export interface JobStatistics {
  readonly creationTime?: string
  readonly endTime?: string
  readonly numChildJobs?: string
  readonly parentJobId?: string
  readonly totalBytesProcessed?: string
  readonly totalSlotMs?: string
  /** Reservation that ran the job, as `PROJECT:LOCATION.NAME`. */
  readonly reservation_id?: string
  readonly reservationUsage?: readonly { readonly name?: string }[]
  readonly globalQueryRemoteRegions?: readonly string[]
  readonly query?: QueryStatistics
}

/** A job. */
export interface JobResource {
  readonly jobReference?: JobReferenceResource
  readonly configuration?: {
    readonly dryRun?: boolean
    readonly labels?: Readonly<Record<string, string>>
    readonly query?: { readonly destinationTable?: TableReferenceResource }
  }
  readonly status?: {
    readonly state?: string
    readonly errorResult?: ErrorProto
    readonly errors?: readonly ErrorProto[]
  }
  readonly statistics?: JobStatistics
}

/** The answer of `jobs.query` and `jobs.getQueryResults` without its rows. */
export interface QueryResultsHead {
  readonly jobReference?: JobReferenceResource
  readonly schema?: SchemaResource
  readonly jobComplete?: boolean
  readonly totalRows?: string
  readonly pageToken?: string
  readonly numDmlAffectedRows?: string
  readonly dmlStats?: DmlStats
  readonly cacheHit?: boolean
  readonly totalBytesProcessed?: string
  readonly totalBytesBilled?: string
  readonly totalSlotMs?: string
  readonly statementType?: string
  readonly location?: string
  readonly errors?: readonly ErrorProto[]
  /** Present if the answer's rows are Arrow: a public preview. */
  readonly arrowSchema?: { readonly serializedSchema?: string }
  readonly arrowRecordBatch?: { readonly serializedRecordBatch?: string }
  readonly pageRowCount?: string
}
