import { openState } from '../../src/state/open.ts'
import { describeState } from './state-contract.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

describeState('in memory', async () => {
  const state = await openState({ bounds: { maxStoreBytes: 1 << 20, maxBlobBytes: 1 << 20 } }, log)
  return { one: state, other: state }
})
