import { createHash } from 'node:crypto'
import type { Field } from '../../../arrow/schema.ts'
import { GatewayError } from '../../../query/errors.ts'

/** A short text that differs between schemas whose batches differ. The precision of decimals changes no batch. */
export function typesDigest(schema: Field): string {
  return createHash('sha256').update(typesText(schema)).digest('base64url').slice(0, 16)
}

/** Fails if a result has other columns than its plan announced. @throws GatewayError CONFLICT */
export function checkAnnounced(announced: string | undefined, schema: Field): void {
  if (announced === undefined || announced === typesDigest(schema)) return
  throw new GatewayError(
    'CONFLICT',
    'The columns of the result are not those that were announced: a table has changed since. Run the statement again.',
  )
}

function typesText({ format, children }: Field): string {
  const type = format.startsWith('d:') ? format.replace(/^d:\d+/, 'd') : format
  return children.length > 0 ? `${type}<${children.map(typesText).join()}>` : type
}
