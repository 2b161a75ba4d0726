"""Reads a statement with pyarrow: bigquery_large.py URI SQL [cancel]. Prints rows and the sum of the column `id` as JSON."""
import json
import sys

import pyarrow.compute as pc
import pyarrow.flight as flight

uri, sql = sys.argv[1:3]
client = flight.connect(uri)
info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()))
reader = client.do_get(info.endpoints[0].ticket)
rows = total = 0
for chunk in reader:
    rows += chunk.data.num_rows
    total += pc.sum(chunk.data.column("id")).as_py()
    if sys.argv[3:] == ["cancel"]:
        reader.cancel()
        break
print(json.dumps({"rows": rows, "sum": total}))
