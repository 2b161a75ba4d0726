import { Action, Result } from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionClosePreparedStatementRequest,
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { Any } from '../../src/arrow/ipc/any.ts'

const none = new Uint8Array(0)

/** The prepared statements of a fake server: a handle is a number and the statement's text. */
export class FakePrepared {
  readonly open = new Set<string>()
  #last = 0

  /** Executes an action; returns its result, if any, or undefined for an unknown action. */
  act(message: Uint8Array): readonly Uint8Array[] | undefined {
    const { type, body } = Action.decode(message)
    const { value } = Any.decode(body)
    if (type === 'ClosePreparedStatement') {
      this.open.delete(textOf(ActionClosePreparedStatementRequest.decode(value).preparedStatementHandle))
      return []
    }
    if (type !== 'CreatePreparedStatement') return undefined
    const handle = `${++this.#last}:${ActionCreatePreparedStatementRequest.decode(value).query}`
    this.open.add(handle)
    const result = ActionCreatePreparedStatementResult.encode({
      preparedStatementHandle: Buffer.from(handle),
      datasetSchema: none,
      parameterSchema: none,
    }).finish()
    const typeUrl = 'type.googleapis.com/arrow.flight.protocol.sql.ActionCreatePreparedStatementResult'
    return [Result.encode({ body: Any.encode({ typeUrl, value: result }).finish() }).finish()]
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}
