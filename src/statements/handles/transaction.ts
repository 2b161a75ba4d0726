import { GatewayError } from '../../query/errors.ts'
import { bytes, type Codec, record, text } from '../../query/seal/fields.ts'
import { type Refusals, sealed } from '../../query/seal/sealed.ts'
import { SealKind } from '../../query/seal/sealer.ts'

/** When handles of transactions expire: never, since the idle limit ends the transaction itself. */
export const NEVER_MS = 2 ** 48 - 1

/** A savepoint, as the engine names it, in a transaction of ours. */
export interface Savepoint {
  readonly transaction: string
  readonly savepoint: Uint8Array
}

const idCodec: Codec<string> = { encode: (id) => Buffer.from(id), decode: (id) => id.toString() }

/** Handles of transactions: their ids. */
export const transactionHandles = sealed<string>(SealKind.transaction, idCodec, refusalsOf('transaction'))

/** Handles of savepoints. */
export const savepointHandles = sealed<Savepoint>(
  SealKind.savepoint,
  record<Savepoint>({ transaction: text('t'), savepoint: bytes('s') }),
  refusalsOf('savepoint'),
)

function refusalsOf(what: string): Refusals {
  return {
    onUnreadable: (cause) =>
      cause.code === 'BAD_TICKET'
        ? new GatewayError('BAD_REQUEST', `This is not a ${what} of this gateway: begin one.`, { cause })
        : cause,
    onForeign: () => new GatewayError('FORBIDDEN', `The ${what} belongs to another principal.`),
  }
}
