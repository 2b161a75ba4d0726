"""Reads a statement with pyarrow inside a trace; prints the number of rows as JSON.

traced.py URI SOURCE TRACEPARENT SQL
"""
import json
import sys

import pyarrow.flight as flight

uri, source, traceparent, sql = sys.argv[1:]
headers = [(b"x-flightgate-source", source.encode()), (b"traceparent", traceparent.encode()), (b"tracestate", b"a=1")]
options = flight.FlightCallOptions(headers=headers)
client = flight.connect(uri)
info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()), options)
print(json.dumps({"rows": client.do_get(info.endpoints[0].ticket, options).read_all().num_rows}))
