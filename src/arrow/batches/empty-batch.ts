import { type Frame, frameOf } from '../ipc/frame.ts'
import type { Field } from '../schema.ts'
import { encodeRecordBatch } from './batch.ts'
import { type LayoutPlan, layoutPlan } from './layout-plan.ts'

/** Number of a node's buffers in a record batch, without its children's. */
const bufferCounts: Readonly<Record<LayoutPlan['kind'], number>> = {
  null: 0,
  fixed: 2,
  bool: 2,
  boolBytes: 2,
  narrowDecimal: 2,
  huge: 2,
  unsignedHuge: 2,
  rendered: 3,
  decoded: 3,
  members: 1,
  text: 3,
  view: 2,
  list: 2,
  listView: 3,
  runEnds: 0,
  struct: 1,
  fixedList: 1,
  sparseUnion: 1,
  denseUnion: 2,
}

/**
 * A record batch with 0 rows for a stream of this schema.
 * @throws ArrowError UNSUPPORTED for an unknown type
 */
export function emptyBatch(schema: Field): Frame {
  const nodes: number[] = []
  const buffers: number[] = []
  const variadicCounts: number[] = []
  const add = (plan: LayoutPlan) => {
    nodes.push(0, 0)
    for (let i = 0; i < bufferCounts[plan.kind]; i++) buffers.push(0, 0)
    if (plan.kind === 'view') variadicCounts.push(0)
    for (const child of plan.children) add(child)
  }
  for (const field of schema.children) add(layoutPlan(field))
  return frameOf(encodeRecordBatch({ rows: 0, nodes, buffers, variadicCounts, bodyLength: 0 }), new Uint8Array(0), 0)
}

/** Whether any column is dictionary-encoded, at any depth. */
export function hasDictionary(schema: Field): boolean {
  return schema.dictionary !== undefined || schema.children.some(hasDictionary)
}
