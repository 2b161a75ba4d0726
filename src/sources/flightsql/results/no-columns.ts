import { encodeSchema } from '../../../arrow/schema.ts'

/** The schema without columns, for statements that only change data: a bare flatbuffer `Message`. */
export const noColumns = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] })
