import { describe, expect, it } from 'vitest'
import { breakerLog } from '../../../src/sources/flightsql/pool/breaker-log.ts'

describe('the log of a circuit breaker', () => {
  it('server stays down: one warning for any number of probes, one line when it is back', () => {
    const lines: string[] = []
    const at = (level: string) => (fields: object) => {
      lines.push(`${level} ${(fields as { state: string }).state}`)
    }
    const tell = breakerLog({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, 'h:1')
    for (const state of ['open', 'half-open', 'open', 'half-open', 'closed', 'open'] as const) tell(state)
    expect(lines).toEqual(['warn open', 'debug half-open', 'debug open', 'debug half-open', 'info closed', 'warn open'])
  })
})
