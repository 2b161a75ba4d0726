"""Reads one query to its end in one way; prints rows, bytes and seconds.

read.py flight URI QUERY [KEY SOURCE] | table FILE QUERY | reader FILE QUERY
"""
import json
import sys
import time

way, where, query = sys.argv[1:4]
if way == "flight":
    import pyarrow.flight as flight

    client = flight.connect(where)
    key, source = sys.argv[4:6] if len(sys.argv) > 4 else (None, None)
    headers = [(b"x-api-key", key.encode()), (b"x-flightgate-source", source.encode())] if key else []
    options = flight.FlightCallOptions(headers=headers)
    client.do_get(client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1"), options).endpoints[0].ticket, options).read_all()
else:
    import duckdb

    connection = duckdb.connect(where, read_only=True)
    connection.sql("SELECT 1").to_arrow_table()
rows = size = 0
started = time.perf_counter()
if way == "flight":
    info = client.get_flight_info(flight.FlightDescriptor.for_command(query.encode()), options)
    for chunk in client.do_get(info.endpoints[0].ticket, options):
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
