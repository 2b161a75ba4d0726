import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const answer = [{ answer: 42 }]
const refused = (name: string) => ({
  text: expect.stringContaining(`different values of ${name}: set it in one place`),
})

describe.runIf(hasPython())('a call with repeated credentials', () => {
  let gateway: GatewayProcess
  let seen: Readonly<Record<string, unknown>>

  beforeAll(async () => {
    gateway = await GatewayProcess.start({ auth: { apiKeys: [{ name: 'etl', key: 'etl-key' }] } })
    seen = await runPython('repeated_credentials.py', gateway.uri, 'anyone', 'etl-key')
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })

  it('equal credentials: accepted', () => {
    expect(seen).toMatchObject({
      pyarrow_bearer_twice: answer,
      pyarrow_login_token_twice: answer,
      pyarrow_api_key_and_source_twice: answer,
      adbc_bearer_twice: [[42]],
    })
  })

  it('different credentials: refused with an error that says so', () => {
    expect(seen).toMatchObject({
      pyarrow_different: refused('authorization'),
      pyarrow_different_api_keys: refused('x-api-key'),
      adbc_different: refused('authorization'),
    })
  })
})
