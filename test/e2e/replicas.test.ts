import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasHaproxy } from '../fakes/haproxy/haproxy.ts'
import { Cluster } from './cluster.ts'
import { hasPython, runPython } from './python.ts'

describe.skipIf(!hasHaproxy() || !hasPython())('three replicas behind HAProxy, each call at the next one', () => {
  let cluster: Cluster

  beforeAll(async () => {
    cluster = await Cluster.start()
  })
  afterAll(async () => {
    expect(await cluster.stop()).toEqual([0, 0, 0])
  })

  it('forward uploads, results and errors', async () => {
    expect(await runPython('through_proxy.py', cluster.proxy.uri, '400000', 'etl-key')).toEqual({
      uploaded: 400_000,
      same: true,
      bytes: true,
      sum: true,
      error: expect.stringContaining('nowhere does not exist'),
    })
    for (const replica of cluster.replicas) expect(await replica.metric('flightgate_calls_total')).toBeGreaterThan(1)
  })
})
