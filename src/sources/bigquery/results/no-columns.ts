import { encodeSchema } from '../../../arrow/schema.ts'

/** The schema without columns, for statements that return no rows: a bare flatbuffer `Message`. */
export const noColumns = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] })
