// Loaded into a gateway by a test: at SIGUSR2 it collects the garbage and logs how much memory is in use.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  process.on('SIGUSR2', () => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    console.log(JSON.stringify({ event: 'retained', bytes: heapUsed + external }))
  })
}
