import {
  Binary,
  Bool,
  DenseUnion,
  Field,
  Int32,
  Int64,
  List,
  Map_,
  Schema,
  Struct,
  Uint8,
  Uint32,
  Utf8,
} from 'apache-arrow'

const required = (name: string, type: Field['type']) => new Field(name, type, false)
const optional = (name: string, type: Field['type']) => new Field(name, type, true)

/*
 * The schemas of the metadata results. Names, types and nullability match the specification, because clients compare them.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html and the comments of FlightSql.proto there.
 */

export const catalogsSchema = new Schema([required('catalog_name', new Utf8())])

export const dbSchemasSchema = new Schema([
  optional('catalog_name', new Utf8()),
  required('db_schema_name', new Utf8()),
])

export const tablesSchema = new Schema([
  optional('catalog_name', new Utf8()),
  optional('db_schema_name', new Utf8()),
  required('table_name', new Utf8()),
  required('table_type', new Utf8()),
])

export const tablesWithSchemaSchema = new Schema([...tablesSchema.fields, required('table_schema', new Binary())])

export const tableTypesSchema = new Schema([required('table_type', new Utf8())])

export const primaryKeysSchema = new Schema([
  optional('catalog_name', new Utf8()),
  optional('db_schema_name', new Utf8()),
  required('table_name', new Utf8()),
  required('column_name', new Utf8()),
  optional('key_name', new Utf8()),
  required('key_sequence', new Int32()),
])

/** Schema of imported keys, exported keys and cross references. */
export const foreignKeysSchema = new Schema([
  optional('pk_catalog_name', new Utf8()),
  optional('pk_db_schema_name', new Utf8()),
  required('pk_table_name', new Utf8()),
  required('pk_column_name', new Utf8()),
  optional('fk_catalog_name', new Utf8()),
  optional('fk_db_schema_name', new Utf8()),
  required('fk_table_name', new Utf8()),
  required('fk_column_name', new Utf8()),
  required('key_sequence', new Int32()),
  optional('fk_key_name', new Utf8()),
  optional('pk_key_name', new Utf8()),
  required('update_rule', new Uint8()),
  required('delete_rule', new Uint8()),
])

export const xdbcTypeInfoSchema = new Schema([
  required('type_name', new Utf8()),
  required('data_type', new Int32()),
  optional('column_size', new Int32()),
  optional('literal_prefix', new Utf8()),
  optional('literal_suffix', new Utf8()),
  optional('create_params', new List(required('item', new Utf8()))),
  required('nullable', new Int32()),
  required('case_sensitive', new Bool()),
  required('searchable', new Int32()),
  optional('unsigned_attribute', new Bool()),
  required('fixed_prec_scale', new Bool()),
  optional('auto_increment', new Bool()),
  optional('local_type_name', new Utf8()),
  optional('minimum_scale', new Int32()),
  optional('maximum_scale', new Int32()),
  required('sql_data_type', new Int32()),
  optional('datetime_subcode', new Int32()),
  optional('num_prec_radix', new Int32()),
  optional('interval_precision', new Int32()),
])

/** Positions of the value types in the union of SqlInfo. */
export const SqlInfoKind = { text: 0, flag: 1, bigint: 2, bitmask: 3, textList: 4, listMap: 5 } as const
export type SqlInfoKind = (typeof SqlInfoKind)[keyof typeof SqlInfoKind]

export const sqlInfoValueType = new DenseUnion(
  [0, 1, 2, 3, 4, 5],
  [
    required('string_value', new Utf8()),
    required('bool_value', new Bool()),
    required('bigint_value', new Int64()),
    required('int32_bitmask', new Int32()),
    required('string_list', new List(optional('item', new Utf8()))),
    required(
      'int32_to_int32_list_map',
      new Map_(
        required(
          'entries',
          new Struct([required('key', new Int32()), optional('value', new List(optional('item', new Int32())))]),
        ) as never,
      ),
    ),
  ],
)

export const sqlInfoSchema = new Schema([required('info_name', new Uint32()), required('value', sqlInfoValueType)])
