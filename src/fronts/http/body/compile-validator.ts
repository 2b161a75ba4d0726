import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import { fieldErrorsOf } from './field-errors.ts'

const wholes: Readonly<Record<string, string>> = {
  body: 'The body',
  querystring: 'The query string',
  params: 'The path',
  headers: 'The header',
}

/** Checks a part of a request by its zod schema. Fastify throws the error: FieldErrors, which names the fields at fault. */
export const compileValidator: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart = 'body' }) => {
  return (data) => {
    const { success, data: value, error } = schema.safeParse(data)
    return success ? { value } : { error: fieldErrorsOf(error, schema, wholes[httpPart] ?? httpPart) }
  }
}
