/** What a reload of the configuration did, or what one would do. Contains no secrets. */
export interface ReloadReport {
  /** `refused`: nothing has changed, for the reasons in `problems`. `unchanged`: the file asks for no change that a reload can make. */
  readonly outcome: 'applied' | 'unchanged' | 'refused'
  /** Settings that have changed, such as `limits.queueWaitMs`. */
  readonly changed: readonly string[]
  /** Settings that differ from the file and stay as they are until a restart. */
  readonly needsRestart: readonly string[]
  /** Why it was refused, one line each, as `check-config` writes them; or the parts of the gateway that could not follow an applied one. */
  readonly problems: readonly string[]
  /** Digest of the settings in force, without secrets. */
  readonly digest: string
}

/** A reload that was not refused. */
export interface AppliedReload extends ReloadReport {
  readonly outcome: 'applied' | 'unchanged'
}

/** Reads the configuration again and puts what has changed in force. */
export interface ConfigReloader {
  /**
   * @param by who asks, for the log, such as `SIGHUP`
   * @param isDryRun whether to tell what a reload would do, and to change nothing
   * @throws GatewayError if the reload does not end in time
   */
  reload(by: string, isDryRun?: boolean): Promise<ReloadReport>
}
