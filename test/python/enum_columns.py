"""Reads ENUM columns as clients of Go, C++ and Java are given them; prints what each is told and gets."""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import polars
import pyarrow as pa
import pyarrow.flight as flight
from commands import packed

uri, = sys.argv[1:]
TABLE = "SELECT i, e, large, list, pair, names FROM enums ORDER BY i"
MANY = """SELECT i, e, large, list, pair, CASE WHEN i % 3 = 0 THEN list END AS maybe, [pair, NULL, pair] AS pairs
    FROM enums, range(50000)"""
TEXTS = """SELECT i, e::VARCHAR AS e, large::VARCHAR AS large, list::VARCHAR[] AS list,
    pair::STRUCT(e VARCHAR, n INTEGER) AS pair, CASE WHEN i % 3 = 0 THEN list END::VARCHAR[] AS maybe,
    [pair, NULL, pair]::STRUCT(e VARCHAR, n INTEGER)[] AS pairs FROM enums, range(50000)"""


def read(client, sql):
    """The types that each way of asking tells, and the rows."""
    descriptor = flight.FlightDescriptor.for_command(sql.encode())
    info = client.get_flight_info(descriptor)
    table = client.do_get(info.endpoints[0].ticket).read_all()
    told = [info.schema, client.get_schema(descriptor).schema, table.schema]
    return told, table


def tables(client):
    """The schema of the table as GetTables tells it."""
    info = client.get_flight_info(flight.FlightDescriptor.for_command(packed("CommandGetTables", b"\x28\x01")))
    rows = client.do_get(info.endpoints[0].ticket).read_all().to_pylist()
    schema = next(row["table_schema"] for row in rows if row["table_name"] == "enums")
    return pa.ipc.read_schema(pa.py_buffer(schema))


def types(schema):
    return {field.name: str(field.type) for field in schema if field.name != "i"}


def seen(client):
    told, table = read(client, TABLE)
    told.append(tables(client))
    types_told = [types(schema) for schema in told]
    return {
        "agree": all(each == types_told[0] for each in types_told),
        "types": types_told[0],
        "rows": table.drop_columns(["i"]).to_pylist()[:2],
    }


results = {}
with flight.connect(uri) as cpp, flight.connect(uri, generic_options=[("grpc.primary_user_agent", "grpc-java-netty/1.71.0")]) as java:
    results["pyarrow"] = seen(cpp)
    results["java"] = seen(java)
    # Tables of the same rows, whichever way they were sent.
    (_, many), (_, texts) = read(java, MANY), read(java, TEXTS)
    results["many"] = [many.num_rows, many.schema.types == texts.schema.types]
    results["unlike"] = [
        name
        for name in texts.column_names
        if many.sort_by("i").column(name).combine_chunks() != texts.sort_by("i").column(name).combine_chunks()
    ]
    # What one of them was told does not change what the other is.
    results["again"] = [seen(cpp) == results["pyarrow"], seen(java) == results["java"]]
with adbc.connect(uri, autocommit=True) as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT e FROM enums ORDER BY i")
        frame = cursor.fetch_df()
        results["pandas"] = [str(frame["e"].dtype), list(frame["e"].cat.categories)]
    results["polars"] = str(polars.read_database("SELECT e FROM enums ORDER BY i", connection).schema["e"])
print(json.dumps(results))
