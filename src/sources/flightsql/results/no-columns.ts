import { encodeSchema } from '../../../arrow/schema.ts'

/** The schema of what has no columns, as statements that only change data do, as a bare flatbuffer `Message`. */
export const noColumns = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] })
