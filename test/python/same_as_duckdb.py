"""Reads queries through the gateway with pyarrow and ADBC and compares each with DuckDB's own Arrow table."""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import duckdb
import pyarrow as pa
import pyarrow.flight as flight

uri, database, client, *queries = sys.argv[1:]
local = duckdb.connect(database, read_only=database != ":memory:")
# "pyarrow+plain": the gateway sends no extension types.
client, _, plain = client.partition("+")
local.execute(f"SET arrow_lossless_conversion = {not plain}")
# The gateway sends values without a plain form in DuckDB as DuckDB's cast to text.
textual = {"BIT", "TIME WITH TIME ZONE", "BIGNUM"}
remote = flight.connect(uri)
results = []


def is_valid(table):
    try:
        table.validate(full=True)
        return True
    except pa.ArrowInvalid:
        return False


def without_facts(table):
    """The table without Flight SQL column metadata, which DuckDB's own table does not have."""
    def bare(field):
        metadata = {k: v for k, v in (field.metadata or {}).items() if not k.startswith(b"ARROW:FLIGHT:SQL:")}
        return field.with_metadata(metadata or None)

    schema = pa.schema([bare(field) for field in table.schema], table.schema.metadata)
    return pa.Table.from_arrays(table.columns, schema=schema)


def with_structs(array):
    """The array with each UNION as the struct of its members that the gateway sends to clients without lossless types."""
    type, mask = array.type, array.is_null()
    if pa.types.is_union(type):
        fields = [type.field(i) for i in range(type.num_fields)]
        children = [with_structs(array.field(i)) for i in range(type.num_fields)]
        return pa.StructArray.from_arrays(children, fields=[f.with_type(c.type) for f, c in zip(fields, children)])
    if pa.types.is_struct(type) and type.num_fields:
        children = [with_structs(array.field(i)) for i in range(type.num_fields)]
        fields = [type.field(i).with_type(child.type) for i, child in enumerate(children)]
        return pa.StructArray.from_arrays(children, fields=fields, mask=mask)
    if pa.types.is_map(type):
        keys, items = with_structs(array.keys), with_structs(array.items)
        map_type = pa.map_(type.key_field.with_type(keys.type), type.item_field.with_type(items.type))
        return pa.MapArray.from_arrays(array.offsets, keys, items, type=map_type, mask=mask)
    if pa.types.is_list(type):
        values = with_structs(array.values)
        return pa.ListArray.from_arrays(array.offsets, values, type=pa.list_(type.value_field.with_type(values.type)), mask=mask)
    if pa.types.is_fixed_size_list(type):
        values = with_structs(array.values)
        list_type = pa.list_(type.value_field.with_type(values.type), type.list_size)
        return pa.FixedSizeListArray.from_arrays(values, type=list_type, mask=mask)
    return array


def with_struct_columns(table):
    arrays = [with_structs(column.combine_chunks()) if "union" in str(column.type) else column for column in table.columns]
    fields = [field.with_type(array.type) for field, array in zip(table.schema, arrays)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, table.schema.metadata))


for query in queries:
    # "query => other": the result of `other` is expected.
    query, _, other = query.partition(" => ")
    relation = local.sql(other or query)
    if plain and any(str(type) in textual for type in relation.types):
        columns = [f'"{name}"::VARCHAR AS "{name}"' if str(type) in textual else f'"{name}"' for name, type in zip(relation.columns, relation.types)]
        relation = relation.project(", ".join(columns))
    expected = relation.to_arrow_table()
    if plain:
        expected = with_struct_columns(expected)
    if "bool8" in str(expected.schema):
        # The gateway sends BOOLEAN as Arrow's bool, as DuckDB does without the lossless conversion.
        local.execute("SET arrow_lossless_conversion = false")
        expected = local.sql(query).to_arrow_table()
        local.execute("SET arrow_lossless_conversion = true")
    info_schema = None
    if client.startswith("pyarrow"):
        # "pyarrow:65536" announces that message limit.
        limit = client.partition(":")[2]
        options = flight.FlightCallOptions(headers=[(b"x-flightgate-max-message-bytes", limit.encode())] if limit else [])
        info = remote.get_flight_info(flight.FlightDescriptor.for_command(query.encode()))
        actual = remote.do_get(info.endpoints[0].ticket, options).read_all()
        info_schema = info.schema.equals(actual.schema, check_metadata=True)
    else:
        with adbc.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            actual = cursor.fetch_arrow_table()
    actual = without_facts(actual)
    # DuckDB's TIME '24:00:00' is outside Arrow's range, in its own table too.
    actual.validate(full=is_valid(expected))
    same = expected.combine_chunks().equals(actual.combine_chunks())
    # NaN is not equal to itself; the text of the values is.
    if not same and expected.schema.equals(actual.schema):
        same = str(expected.to_pylist()) == str(actual.to_pylist())
    results.append({
        "query": query,
        "rows": actual.num_rows,
        "same": same,
        "sameSchema": expected.schema.equals(actual.schema, check_metadata=True),
        "infoSchema": info_schema,
        "type": str(actual.schema.field(0).type) if actual.num_columns else None,
        "expectedType": str(expected.schema.field(0).type) if expected.num_columns else None,
    })
print(json.dumps(results))
