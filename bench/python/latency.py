"""Runs a small query repeatedly (GetFlightInfo and DoGet); prints latencies in milliseconds.

latency.py URI QUERY COUNT
"""
import json
import sys
import time

import pyarrow.flight as flight

uri, query, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = flight.connect(uri)
descriptor = flight.FlightDescriptor.for_command(query.encode())
latencies = []
for i in range(count + 200):
    started = time.perf_counter()
    info = client.get_flight_info(descriptor)
    client.do_get(info.endpoints[0].ticket).read_all()
    if i >= 200:
        latencies.append((time.perf_counter() - started) * 1000)
latencies.sort()
print(json.dumps({"p50Ms": latencies[len(latencies) // 2], "p99Ms": latencies[len(latencies) * 99 // 100]}))
