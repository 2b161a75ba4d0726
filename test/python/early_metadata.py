"""Reads a result with pyarrow and ADBC; prints one JSON object with the rows of each.

early_metadata.py URI
"""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.flight as flight

client = flight.connect(sys.argv[1])
info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1"))
chunks = [
    [chunk.data and chunk.data.num_rows, chunk.app_metadata and chunk.app_metadata.to_pybytes().decode()]
    for chunk in client.do_get(info.endpoints[0].ticket)
]
with adbc.connect(sys.argv[1], autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT 1")
    rows = cursor.fetchall()
print(json.dumps({"pyarrow": chunks, "adbc": len(rows)}))
