import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { checkConfig } from './deployed-config.ts'

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url))
const read = (file: string) => readFileSync(join(deploy, file), 'utf8')

interface Service {
  readonly image?: string
  readonly build?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
}

const { services, volumes } = parse(read('compose.yaml')) as {
  services: Readonly<Record<string, Service>>
  volumes: object
}
const mounts = Object.values(services).flatMap(({ volumes: own = [] }) => own.map((each) => each.split(':')))

describe('deploy/compose.yaml', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-compose-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('runs the gateway, Redis, Prometheus and Grafana, and mounts files and volumes that exist', () => {
    expect(Object.keys(services)).toEqual(['gateway', 'redis', 'prometheus', 'grafana'])
    for (const { build, image } of Object.values(services)) {
      expect(image).toBeTruthy()
      if (build) expect(existsSync(join(deploy, build, 'Dockerfile'))).toBe(true)
    }
    const missing = mounts.filter(([from]) =>
      from!.startsWith('.') ? !existsSync(join(deploy, from!)) : !Object.hasOwn(volumes, from!),
    )
    expect(missing).toEqual([])
  })

  it('publishes ports on the loopback interface only, and those of the gateway are the ones of its configuration', () => {
    const ports = Object.values(services).flatMap(({ ports: own = [] }) => own)
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
    const { listen } = parse(read('compose/flightgate.yaml'))
    const inside = services['gateway']!.ports!.map((port) => port.split(':').at(-1))
    expect(inside.sort()).toEqual(
      Object.values<string>(listen)
        .map((address) => address.split(':').at(-1))
        .sort(),
    )
  })

  it('the configuration of the gateway passes check-config with the variables of its service', async () => {
    const env = Object.fromEntries(
      Object.keys(services['gateway']!.environment!).map((name) => [name, 'secret'.repeat(6)]),
    )
    expect(await checkConfig(folder, read('compose/flightgate.yaml'), env)).toMatchObject({ code: 0 })
  })

  it('Prometheus scrapes the gateway and reads rules that are mounted; Grafana reads the folder of the dashboards', () => {
    const prometheus = parse(read('compose/prometheus.yaml'))
    expect(prometheus.scrape_configs[0].static_configs[0].targets).toEqual(['gateway:8080'])
    const targets = mounts.map(([, to]) => to)
    for (const file of prometheus.rule_files) expect(targets).toContain(`/etc/prometheus/${file}`)
    const { providers } = parse(read('compose/grafana-dashboards.yaml'))
    expect(targets).toContain(providers[0].options.path)
    const [datasource] = parse(read('compose/grafana-datasource.yaml')).datasources
    expect(Object.keys(services)).toContain(new URL(datasource.url).hostname)
  })
})
