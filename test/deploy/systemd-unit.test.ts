import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'

const unit = readFileSync(new URL('../../deploy/systemd/flightgate.service', import.meta.url), 'utf8')
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0
if (!hasSystemd && process.env['CI'] === 'true') throw new Error('systemd-analyze is missing (package systemd)')
if (!hasSystemd) process.stderr.write('skipped: systemd-analyze is missing (package systemd)\n')

describe('the systemd unit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-unit-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.skipIf(!hasSystemd)('is valid, and its exposure is low', () => {
    const file = join(folder, 'flightgate.service')
    // The package need not be installed on this machine.
    writeFileSync(file, unit.replace('/usr/bin/flightgate serve', `${process.execPath} serve`))
    const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    expect([verified.status, verified.stderr]).toEqual([0, ''])
    const security = ['security', '--offline=true', '--no-pager', '--threshold=20', file]
    expect(spawnSync('systemd-analyze', security, { encoding: 'utf8' }).status).toBe(0)
  })

  it('gives up a gateway that cannot start, and leaves the audit log its mode 0640', () => {
    expect(unit).toMatch(/^StartLimitBurst=\d+$/m)
    const [burst, interval, wait] = ['StartLimitBurst', 'StartLimitIntervalSec', 'RestartSec'].map((name) =>
      Number(new RegExp(`^${name}=(\\d+)$`, 'm').exec(unit)?.[1]),
    )
    expect(burst! * (wait! + 10)).toBeLessThan(interval!)
    expect(unit).toMatch(/^UMask=0027$/m)
  })

  it('gives the process more time to stop than a drain takes by default', () => {
    const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])
    const compose = parse(readFileSync(new URL('../../deploy/compose.yaml', import.meta.url), 'utf8'))
    expect(seconds).toBeGreaterThanOrEqual(5 + 60 + 10)
    expect(Number.parseInt(compose.services.gateway.stop_grace_period, 10)).toBeGreaterThanOrEqual(5 + 60 + 10)
  })
})
