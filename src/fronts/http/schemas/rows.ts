import { z } from 'zod'

/** A column in answers. */
export const columnSchema = z
  .object({
    name: z.string().describe('Name as the rows have it: a second column of the same name becomes `name_1`.'),
    type: z.string().describe('Type as Arrow writes it, such as `int64` or `timestamp[us, tz=UTC]`.'),
    nullable: z.boolean().describe('Whether values may be null.'),
  })
  .meta({ id: 'ResultColumn', description: 'A column of a result.' })

export const columnsSchema = z.array(columnSchema)

/** Rows in answers. */
export const rowsSchema = z
  .array(z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]))
  .describe('Objects by column name, or arrays with `row_format: "arrays"`.')
