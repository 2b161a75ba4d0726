import { openState } from '../../src/state/open.ts'
import { describeState } from './state-contract.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

describeState('in memory', () => {
  const state = openState({ maxStoreBytes: 1 << 20, maxBlobBytes: 1 << 20 }, log)
  return { one: state, other: state }
})
