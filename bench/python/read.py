"""Reads one query to its end in one way; prints rows, bytes and seconds.

read.py flight URI QUERY | table FILE QUERY | reader FILE QUERY
"""
import json
import sys
import time

way, where, query = sys.argv[1:]
if way == "flight":
    import pyarrow.flight as flight

    client = flight.connect(where)
    client.do_get(client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1")).endpoints[0].ticket).read_all()
else:
    import duckdb

    connection = duckdb.connect(where, read_only=True)
    connection.sql("SELECT 1").to_arrow_table()
rows = size = 0
started = time.perf_counter()
if way == "flight":
    info = client.get_flight_info(flight.FlightDescriptor.for_command(query.encode()))
    for chunk in client.do_get(info.endpoints[0].ticket):
        rows += chunk.data.num_rows
        size += chunk.data.nbytes
elif way == "table":
    table = connection.sql(query).to_arrow_table()
    rows, size = table.num_rows, table.nbytes
else:
    for batch in connection.execute(query).to_arrow_reader(65536):
        rows += batch.num_rows
        size += batch.nbytes
print(json.dumps({"rows": rows, "bytes": size, "seconds": time.perf_counter() - started}))
