"""Reads a query to its end without keeping it; prints rows, bytes and the error if there was one."""
import json
import sys
import time

import pyarrow.flight as flight

uri, query, pause_seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
client = flight.connect(uri)
rows = size = 0
error = None
try:
    info = client.get_flight_info(flight.FlightDescriptor.for_command(query.encode()))
    reader = client.do_get(info.endpoints[0].ticket)
    print("reading", flush=True)
    for chunk in reader:
        rows += chunk.data.num_rows
        size += chunk.data.nbytes
        if pause_seconds:
            time.sleep(pause_seconds)
except Exception as caught:
    error = str(caught)
print(json.dumps({"rows": rows, "bytes": size, "error": error}))
