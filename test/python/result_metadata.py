"""Reads Flight SQL column metadata of results from FlightInfo, the stream and a prepared statement."""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import duckdb
import pyarrow.flight as flight

uri, *queries = sys.argv[1:]
client = flight.connect(uri)


def facts(schema):
    prefix = b"ARROW:FLIGHT:SQL:"
    columns = []
    for field in schema:
        metadata = {k[len(prefix):].decode(): v.decode() for k, v in (field.metadata or {}).items() if k.startswith(prefix)}
        columns.append({"name": field.name, **metadata})
    return columns


results = []
for query in queries:
    info = client.get_flight_info(flight.FlightDescriptor.for_command(query.encode()))
    table = client.do_get(info.endpoints[0].ticket).read_all()
    with adbc.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        prepared = facts(cursor.adbc_execute_schema(query))
    results.append({
        "info": facts(info.schema),
        "stream": facts(table.schema),
        "prepared": prepared,
        "types": [str(type) for type in duckdb.sql(query).types],
    })
print(json.dumps(results))
