"""Reads a query with pyarrow until it ends; prints the class and the message of the error, and the rows before it, as JSON.

cancelled_query.py URI API_KEY SQL
"""
import json
import sys

import pyarrow.flight as flight

uri, key, sql = sys.argv[1:]
options = flight.FlightCallOptions(headers=[(b"x-api-key", key.encode())])
client = flight.connect(uri)
rows = 0
try:
    info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()), options)
    for chunk in client.do_get(info.endpoints[0].ticket, options):
        rows += chunk.data.num_rows
    ended = {"error": None}
except Exception as error:
    ended = {"error": type(error).__name__, "message": str(error)}
print(json.dumps({**ended, "rows": rows}))
