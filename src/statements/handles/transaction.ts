import { GatewayError } from '../../query/errors.ts'
import { bytes, type Codec, record, text } from '../../query/seal/fields.ts'
import { type Refusals, sealed } from '../../query/seal/sealed.ts'
import { SealKind } from '../../query/seal/sealer.ts'

/** Handles of transactions never expire: the idle limit ends the transaction itself. */
export const NEVER_MS = 2 ** 48 - 1

/** A savepoint within a transaction of this gateway. */
export interface Savepoint {
  readonly transaction: string
  /** The engine's id. */
  readonly savepoint: Uint8Array
}

const idCodec: Codec<string> = { encode: (id) => Buffer.from(id), decode: (id) => id.toString() }

/** Handles of transactions; each contains the transaction's id. */
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
