"""Runs a small query with pyarrow again and again until a call is refused; prints the number of rows, and the error as JSON.

limited.py URI API_KEY MOST
"""
import json
import sys

import pyarrow.flight as flight

uri, key, most = sys.argv[1:]
options = flight.FlightCallOptions(headers=[(b"x-api-key", key.encode())])
client = flight.connect(uri)
rows = 0
error = None
try:
    for _ in range(int(most)):
        info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1"), options)
        rows += client.do_get(info.endpoints[0].ticket, options).read_all().num_rows
except Exception as refused:
    error = str(refused)
print(json.dumps({"rows": rows, "error": error}))
