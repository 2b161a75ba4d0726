"""Reads a slow query with pyarrow and ADBC; prints rows and batches as JSON.

slow_query.py URI SQL
"""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.flight as flight

uri, sql = sys.argv[1:]
client = flight.connect(uri)
info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()))
chunks = list(client.do_get(info.endpoints[0].ticket))
with adbc.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute(sql)
    table = cursor.fetch_arrow_table()
print(
    json.dumps(
        {
            "pyarrow": [row for chunk in chunks for row in chunk.data.to_pylist()],
            "adbc": table.to_pylist(),
            "batches": len(chunks),
        },
        default=str,
    )
)
