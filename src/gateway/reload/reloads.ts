import { takesAnyone } from '../../config/auth.ts'
import type { Config } from '../../config/config.ts'
import { ConfigError } from '../../config/load.ts'
import { combinedProblems } from '../../config/reload/combined-problems.ts'
import { configDigest } from '../../config/reload/config-digest.ts'
import { difference, type SettingChange } from '../../config/reload/difference.ts'
import { keepSettings } from '../../config/reload/keep-settings.ts'
import type { ReloadMetrics } from '../../ops/metrics/reload-metrics.ts'
import type { ConfigReloader, ReloadReport } from '../../query/admin/config-reloader.ts'
import type { Logger } from '../../query/types.ts'
import type { SourceKinds } from '../../sources/kind.ts'
import { sourceKinds } from '../../sources/kinds.ts'
import { StartError } from '../start-error.ts'

/** Time that new sources have to open, in milliseconds. */
const PREPARE_MS = 60_000

/** Why a reload may not open the gateway: a file that is cut off looks the same. */
const opens =
  'auth: the file has no API key, issuer or authority of client certificates any more, so everyone could do everything without credentials. Only a restart does that'
const draining = 'the gateway drains: the file is read at the next start'

/** New settings whose sources are open. One of the two functions is called. */
export interface PreparedReload {
  /** Puts the settings in force. Never throws. @returns names of the parts of the gateway that could not follow */
  apply(): readonly string[]
  /** Closes what was opened. */
  abandon(): Promise<void>
}

/** Dependencies of `Reloads`. */
export interface ReloadDependencies {
  /** The configuration with which the gateway has started. */
  readonly config: Config
  readonly kinds?: SourceKinds
  /** Reads the configuration file and the environment again. @throws ConfigError */
  load(): Config
  /**
   * Opens what new settings need, and changes nothing.
   * @throws StartError about a setting at fault. Then it leaves nothing open
   */
  prepare(next: Config, signal: AbortSignal): Promise<PreparedReload>
  readonly metrics: ReloadMetrics | undefined
  /** Records each reload for auditors. @param by as `Reloads.reload` */
  readonly audit?: (by: string, report: ReloadReport) => void
  readonly log: Logger
}

/** Puts changed settings in force while the gateway serves: all that can change, or none. One reload at a time. */
export class Reloads implements ConfigReloader {
  readonly #deps: ReloadDependencies
  #running: Config
  #current: Promise<unknown> = Promise.resolve()
  /** The reload that has not begun to read the file. */
  #next: Promise<ReloadReport> | undefined
  #isEnding = false

  constructor(deps: ReloadDependencies) {
    this.#deps = deps
    this.#running = deps.config
    deps.metrics?.begin(configDigest(deps.config, deps.kinds ?? sourceKinds))
  }

  /** The settings in force. */
  get config(): Config {
    return this.#running
  }

  /**
   * Reads the configuration again and applies it. Reloads that are asked for while another one runs are one, which follows.
   * @param by who asks, for the log, such as `SIGHUP`
   * @param isDryRun whether to report what a reload would do, and to change nothing. It opens no source
   */
  reload(by: string, isDryRun = false): Promise<ReloadReport> {
    if (isDryRun) return this.#current.then(() => this.#check(by))
    if (this.#next) return this.#next
    const next = this.#current.then(() => {
      this.#next = undefined
      return this.#run(by)
    })
    this.#next = next
    this.#current = next
    return next
  }

  /** Refuses reloads from now on, since the gateway drains or stops: nothing would close the sources that they open. */
  end(): void {
    this.#isEnding = true
  }

  async #check(by: string): Promise<ReloadReport> {
    const report = await this.#attempt(true)
    const { outcome, changed, needsRestart, problems } = report
    const fields = { event: 'reload', by, dryRun: true, outcome, changed, needsRestart, problems }
    this.#deps.log.info(fields, 'a reload of the configuration was tried out, and nothing has changed')
    return report
  }

  async #run(by: string): Promise<ReloadReport> {
    const { metrics, log } = this.#deps
    const from = performance.now()
    const outcome = await this.#attempt(false)
    const { changed, needsRestart, problems, digest } = outcome
    metrics?.onReload(outcome.outcome, digest, problems.length === 0)
    this.#deps.audit?.(by, outcome)
    const fields = { event: 'reload', by, outcome: outcome.outcome, ms: Math.round(performance.now() - from), digest }
    if (outcome.outcome === 'refused') {
      log.error(
        { ...fields, problems },
        `the configuration was not reloaded, and nothing has changed: ${problems.join('; ')}`,
      )
      return outcome
    }
    const count = `${changed.length} setting${changed.length === 1 ? '' : 's'} changed`
    const rest = needsRestart.length > 0 ? `; these need a restart: ${needsRestart.join(', ')}` : ''
    if (problems.length > 0)
      log.error(
        { ...fields, changed, needsRestart, problems },
        `the configuration was reloaded in part: ${problems.join('; ')}`,
      )
    else log.info({ ...fields, changed, needsRestart }, `the configuration was reloaded: ${count}${rest}`)
    return outcome
  }

  async #attempt(isDryRun: boolean): Promise<ReloadReport> {
    const { kinds = sourceKinds, log } = this.#deps
    const running = this.#running
    const refused = (problems: readonly string[]): ReloadReport => ({
      outcome: 'refused',
      changed: [],
      needsRestart: [],
      problems,
      digest: configDigest(running, kinds),
    })
    try {
      if (this.#isEnding) return refused([draining])
      const file = this.#deps.load()
      const all = difference(running, file, kinds)
      const [waiting, changes] = [all.filter((each) => each.needsRestart), all.filter((each) => !each.needsRestart)]
      const needsRestart = waiting.map(({ path }) => path)
      if (changes.length === 0) return { ...refused([]), outcome: 'unchanged', needsRestart }
      const next = keepSettings(
        running,
        file,
        waiting.map(({ keys }) => keys),
      )
      const problems = combinedProblems(next, changedLimits(changes), kinds)
      if (problems.length > 0) return refused(problems)
      if (takesAnyone(next.auth) && !takesAnyone(running.auth)) return refused([opens])
      const changed = changes.map(({ path }) => path)
      const report = { outcome: 'applied', changed, needsRestart, digest: configDigest(next, kinds) } as const
      if (isDryRun) return { ...report, problems: [] }
      const prepared = await this.#prepare(next)
      if (this.#isEnding) {
        await prepared.abandon()
        return refused([draining])
      }
      const behind = prepared.apply()
      this.#running = next
      for (const warning of next.warnings)
        if (!running.warnings.includes(warning)) log.warn({ event: 'config' }, warning)
      return { ...report, problems: behind.map((part) => `${part}: could not follow; restart the gateway`) }
    } catch (error) {
      if (error instanceof ConfigError) return refused(error.problems)
      if (error instanceof StartError) return refused([error.message])
      log.error({ event: 'reload', err: error }, 'the reload failed')
      return refused(['the reload failed; the log says why'])
    }
  }

  async #prepare(next: Config): Promise<PreparedReload> {
    const signal = AbortSignal.timeout(PREPARE_MS)
    const preparing = this.#deps.prepare(next, signal)
    const late = Promise.withResolvers<never>()
    signal.addEventListener('abort', () =>
      late.reject(new StartError(`sources: the new ones did not open within ${PREPARE_MS / 1000} s`)),
    )
    try {
      return await Promise.race([preparing, late.promise])
    } catch (error) {
      preparing.then((prepared) => prepared.abandon()).catch(() => {})
      throw error
    }
  }
}

function changedLimits(changes: readonly SettingChange[]): string[] {
  return changes.flatMap(({ keys: [section, name] }) => (section === 'limits' ? [String(name)] : []))
}
