import { invalidQuery } from '../api-error.ts'
import type { Value } from '../schema.ts'
import { type FieldSchema, restTypeName } from '../schema.ts'
import type { FakeTables } from '../tables.ts'
import { type Node, walk } from './cst.ts'
import type { Column, Relation, Scan } from './scan.ts'
import { wireValue } from './values.ts'

/** A query parameter as REST requests carry it. */
export interface QueryParameter {
  readonly name?: string
  readonly parameterType: ParameterType
  readonly parameterValue?: ParameterValue
}

interface ParameterType {
  readonly type: string
  readonly arrayType?: ParameterType
  readonly structTypes?: readonly { readonly name?: string; readonly type: ParameterType }[]
  readonly rangeElementType?: ParameterType
}

interface ParameterValue {
  readonly value?: string | null
  readonly arrayValues?: readonly ParameterValue[]
  readonly structValues?: Readonly<Record<string, ParameterValue>>
}

/** A typed constant. */
export interface Typed {
  readonly field: FieldSchema
  readonly value: Value
}

/** What a statement is compiled against. */
export class StatementContext {
  readonly tables: FakeTables
  readonly project: string
  readonly defaultDataset: string | undefined
  readonly scans: Scan[] = []
  readonly #parameters: readonly QueryParameter[]
  #positions = new Map<string, number>()
  /** Named subqueries in force, innermost last. */
  readonly named: Map<string, () => Relation>[] = []
  /** Variables of the script, by lower-case name. */
  readonly variables = new Map<string, Typed>()

  constructor(
    tables: FakeTables,
    project: string,
    defaultDataset: string | undefined,
    parameters: readonly QueryParameter[],
    script: readonly Node[],
    mayLack = false,
  ) {
    this.#mayLack = mayLack
    this.tables = tables
    this.project = project
    this.defaultDataset = defaultDataset
    this.#parameters = parameters
    const marks = script
      .flatMap((statement) => [...walk(statement)])
      .filter(({ node_type, token }) => node_type === 'Parameter' && token?.literal === '?')
      .map(({ token }) => token!)
      .sort((a, b) => a.line - b.line || a.column - b.column)
    this.#positions = new Map(marks.map(({ line, column }, index) => [`${line}:${column}`, index]))
  }

  /** Parameters without a value, by the order of their first use; only a dry run may have them. */
  readonly undeclared: { readonly name?: string; type: string }[] = []
  readonly #undeclaredPlaces = new Set<string>()
  readonly #mayLack: boolean

  /** The value of `@name` or `?`; undefined if a dry run has none. @throws ApiError invalidQuery if a run has none */
  parameter(node: Node): Typed | undefined {
    const { literal, line, column } = node.token!
    const found =
      literal === '?'
        ? this.#parameters[this.#positions.get(`${line}:${column}`)!]
        : this.#parameters.find(({ name }) => name?.toLowerCase() === literal.slice(1).toLowerCase())
    if (!found && this.#mayLack) return undefined
    if (!found)
      throw invalidQuery(
        literal === '?'
          ? 'Query parameter number 1 is not set'
          : `Query parameter '${literal.slice(1)}' not found at [${line}:${column}]`,
      )
    return {
      field: fieldOf(found.name ?? '', found.parameterType),
      value: parameterValueOf(found.parameterType, found.parameterValue),
    }
  }

  /** Notes a parameter of a dry run, with the type that its place in the statement tells. */
  undeclare(node: Node, type: string): void {
    const { literal, line, column } = node.token!
    const name = literal === '?' ? undefined : literal.slice(1)
    // A place may be read several times, by the parts of the statement that need it; the first one knows its type.
    const place = name ?? `${line}:${column}`
    if (this.#undeclaredPlaces.has(place)) return
    this.#undeclaredPlaces.add(place)
    this.undeclared.push({ ...(name !== undefined && { name }), type })
  }

  /** The named subquery, or undefined. */
  namedQuery(name: string): (() => Relation) | undefined {
    for (const scope of this.named.toReversed()) {
      const found = scope.get(name.toLowerCase())
      if (found) return found
    }
    return undefined
  }
}

/** Marks what the columns are made of as read. */
export function read(columns: readonly Pick<Column, 'refs'>[]): void {
  for (const { refs } of columns) for (const { scan, column } of refs) scan.columns.add(column)
}

function fieldOf(name: string, type: ParameterType): FieldSchema {
  if (type.arrayType) return { ...fieldOf(name, type.arrayType), mode: 'REPEATED' }
  const fields = type.structTypes?.map((entry) => fieldOf(entry.name ?? '', entry.type))
  return { name, type: restTypeName(type.type), mode: 'NULLABLE', ...(fields && { fields }) }
}

function parameterValueOf(type: ParameterType, value: ParameterValue | undefined): Value {
  if (type.arrayType) return (value?.arrayValues ?? []).map((item) => ({ v: parameterValueOf(type.arrayType!, item) }))
  if (type.structTypes) {
    if (!value?.structValues) return null
    return {
      f: type.structTypes.map((entry) => ({ v: parameterValueOf(entry.type, value.structValues![entry.name ?? '']) })),
    }
  }
  return wireValue(value?.value, restTypeName(type.type))
}
