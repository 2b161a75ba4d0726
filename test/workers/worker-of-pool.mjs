// A worker that does as files in its folder say: `hold-start` keeps it from becoming ready, `hold-prepare` from having prepared.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const held = async (name) => {
  while (existsSync(join(process.env.POOL_FOLDER, name))) await new Promise((resolve) => setTimeout(resolve, 5))
}
process.on('message', async (message) => {
  if (message.kind === 'ping') process.send({ kind: 'pong' })
  if (message.kind === 'stop') process.exit(0)
  if (message.kind === 'start') {
    await held('hold-start')
    process.send({ kind: 'ready', addresses: { flight: String(message.config.mark), http: '' } })
  }
  if (message.kind === 'prepare') {
    await held('hold-prepare')
    process.send({ kind: 'prepared', reload: message.reload, problem: undefined })
  }
})
process.send({ kind: 'hello' })
