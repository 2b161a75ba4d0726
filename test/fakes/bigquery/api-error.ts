/** An error as BigQuery's REST API answers it. */
export class ApiError extends Error {
  /** HTTP status. */
  readonly status: number
  readonly reason: string
  /** Where in the request: `query` for positions in the statement. */
  readonly location: string | undefined

  constructor(status: number, reason: string, message: string, location?: string) {
    super(message)
    this.status = status
    this.reason = reason
    this.location = location
  }

  /** As it stands in `status.errorResult` of a job. */
  get proto(): { reason: string; message: string; location?: string } {
    return { reason: this.reason, ...(this.location && { location: this.location }), message: this.message }
  }

  /** Body of the answer. */
  get body() {
    const place = this.location === 'query' ? { location: 'q', locationType: 'parameter' } : {}
    return {
      error: {
        code: this.status,
        message: this.message,
        errors: [{ message: this.message, domain: 'global', reason: this.reason, ...place }],
        ...(statusNames[this.status] && { status: statusNames[this.status] }),
      },
    }
  }
}

const statusNames: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
}

/** A statement that BigQuery refuses. */
export function invalidQuery(message: string): ApiError {
  return new ApiError(400, 'invalidQuery', message, 'query')
}
