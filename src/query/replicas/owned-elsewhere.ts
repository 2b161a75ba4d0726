import { GatewayError } from '../errors.ts'

/** Form of an id whose state one process has: the process, and the number or the id there. */
const ownedForm = /^([0-9a-f]{12})\./

/** Adds the process that has the state to an id. @param replica id of the process, 12 hexadecimal digits */
export function ownedId(replica: string, id: string): string {
  return `${replica}.${id}`
}

/**
 * The call needs a transaction or a statement that another process has. The gateway passes the call on to that process; where
 * processes cannot reach each other, the client gets this error.
 */
export class OwnedElsewhere extends GatewayError {
  /** Id of the process. */
  readonly owner: string

  constructor(owner: string) {
    super(
      'UNKNOWN_TRANSACTION',
      'Another replica has the transaction: let the replicas pass such calls on (setting `replica`), or send all calls of a transaction to one replica.',
    )
    this.owner = owner
  }
}

/** @throws OwnedElsewhere if the id names another process than `self` */
export function checkOwner(id: string, self: string): void {
  const owner = ownedForm.exec(id)?.[1]
  if (owner !== undefined && owner !== self) throw new OwnedElsewhere(owner)
}
