import { headerOf } from '../../grpc/server/metadata.ts'
import type { HeaderFields } from '../../http2/index.ts'

/** User agent of the JDBC drivers. They do not decode dictionaries and show a column's indices as its values. */
const readsIndices = /grpc-java/

/** Whether a client decodes dictionary-encoded columns; true unless its user agent is known not to. */
export function readsDictionaries(headers: HeaderFields): boolean {
  return !readsIndices.test(headerOf(headers, 'user-agent') ?? '')
}
