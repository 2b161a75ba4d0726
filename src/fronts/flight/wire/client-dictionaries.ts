import { headerOf } from '../../../grpc/server/metadata.ts'
import type { HeaderFields } from '../../../http2/index.ts'

/** The user agent of the JDBC drivers, which take the indices of a column for its values: none of them decodes a dictionary. */
const readsIndices = /grpc-java/

/** Whether a client is known to show the values of a column that comes as indices into a dictionary. */
export function readsDictionaries(headers: HeaderFields): boolean {
  return !readsIndices.test(headerOf(headers, 'user-agent') ?? '')
}
