/** Options of the commands that call a server. */
export interface ConnectionOptions {
  readonly endpoint: string
  readonly user?: string
  readonly password?: string
  readonly token?: string
  readonly apiKey?: string
  readonly source?: string
  readonly header: readonly string[]
  /** Deadline of the whole command, in seconds. */
  readonly timeout?: number
  readonly tlsCa?: string
  readonly insecureSkipVerify?: boolean
}
