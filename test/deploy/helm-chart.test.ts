import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { parseAllDocuments, stringify } from 'yaml'
import { checkConfig } from './deployed-config.ts'
import { hasPromtool, promtool } from './promtool.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const chart = join(root, 'deploy', 'helm', 'flightgate')
const tool = (name: string) => join(root, '.cache', 'bin', name)
const hasTools = existsSync(tool('helm')) && existsSync(tool('kubeconform'))
if (!hasTools && process.env['CI'] === 'true') throw new Error('helm or kubeconform is missing: run npm test')
if (!hasTools) process.stderr.write('skipped: helm or kubeconform is missing (npm test installs them where Go is)\n')

const run = (name: string, ...args: string[]) =>
  execFileSync(tool(name), args, { cwd: chart, encoding: 'utf8', stdio: 'pipe' })
/** A helm that Go has installed knows no version of Kubernetes but an old one. */
const template = (...args: string[]) => run('helm', 'template', 'fg', '.', '--kube-version', '1.34.0', ...args)
// biome-ignore lint/suspicious/noExplicitAny: manifests of any kind
const objectsOf = (text: string): any[] => parseAllDocuments(text).map((document) => document.toJS())

/** Sets of values: the defaults, and each file of ci. */
const valueSets = [[], ...readdirSync(join(chart, 'ci')).map((file) => ['--values', join(chart, 'ci', file)])]
/** Values of all variables that the configurations name. */
const env = { DASH_KEY: 'k', CLIENT_KEY: 'k', LAKE_PASSWORD: 'p', POD_IP: '10.0.0.1', SEAL_KEY: 'x'.repeat(48) }

describe.skipIf(!hasTools)('the Helm chart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-chart-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(valueSets.map((values) => [values.at(-1)?.split('/').at(-1) ?? 'defaults', values] as const))(
    'passes lint and kubeconform, and its configuration passes check-config: %s',
    async (name, values) => {
      expect(run('helm', 'lint', '--strict', '.', ...values)).toContain('0 chart(s) failed')
      const manifests = join(folder, `${name}.manifests.yaml`)
      const text = template(...values)
      writeFileSync(manifests, text)
      const schemas = join(root, 'test', 'deploy', 'kubernetes-schemas', '{{ .ResourceKind }}{{ .KindSuffix }}.json')
      const ofOperator = ['-skip', 'ServiceMonitor,PrometheusRule']
      const summary = run('kubeconform', '-strict', '-summary', ...ofOperator, '-schema-location', schemas, manifests)
      expect(summary).toContain('Invalid: 0, Errors: 0')
      const config = objectsOf(text).find(({ kind }) => kind === 'ConfigMap').data['flightgate.yaml'] as string
      // The files of a mounted secret are not here.
      const checked = config.replace(/^tls:\n(?: .*\n)+/m, '')
      expect(await checkConfig(folder, checked, env)).toMatchObject({ code: 0 })
    },
  )

  it('pods run without privileges, find their address, and have longer to stop than a drain takes', () => {
    const objects = objectsOf(template('--values', join(chart, 'ci', 'everything.yaml')))
    const { spec } = objects.find(({ kind }) => kind === 'Deployment').spec.template
    const [container] = spec.containers
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(5000 + 60_000 + 10_000)
    expect(container.env[0]).toEqual({ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } })
    expect(container.readinessProbe.httpGet.path).toBe('/readyz')
    expect(spec.topologySpreadConstraints).toHaveLength(2)
    const kinds = new Set(objects.map(({ kind }) => kind))
    for (const kind of ['HorizontalPodAutoscaler', 'NetworkPolicy', 'PodDisruptionBudget', 'ServiceMonitor'])
      expect([kind, kinds.has(kind)]).toEqual([kind, true])
  })

  it.skipIf(!hasPromtool())('its PrometheusRule has the rules, with links to the runbook that the values name', () => {
    const objects = objectsOf(template('--values', join(chart, 'ci', 'everything.yaml')))
    const { spec } = objects.find(({ kind }) => kind === 'PrometheusRule')
    const file = join(folder, 'rules.yaml')
    writeFileSync(file, stringify(spec))
    expect(promtool('check', 'rules', file)).toContain('SUCCESS')
    const alerts = spec.groups.flatMap(({ rules }: { rules: { alert?: string }[] }) =>
      rules.filter((rule) => rule.alert),
    )
    expect(alerts.length).toBeGreaterThan(25)
    for (const { annotations } of alerts) expect(annotations.runbook_url).toMatch(/^https:\/\/wiki\.example\.com\/.*#./)
  })

  it('refuses values that it does not know, and settings that the chart makes itself', () => {
    for (const value of ['replicas=2', 'image.tagg=1', 'replicaCount=0', 'existingSecret=', 'config.listen.http=1'])
      expect(() => template('--set', value), value).toThrow(/values don't meet the specifications of the schema/)
  })
})
