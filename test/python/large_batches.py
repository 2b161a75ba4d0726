"""Reads the batches of large_batches_server.py through the gateway, with and without a message limit; prints one JSON
object: for each, whether the rows are the same, and the number of messages with and without the limit.

large_batches.py URI
"""
import json
import sys

import pyarrow as pa
import pyarrow.flight as flight

from large_batches_server import batches

client = flight.connect(sys.argv[1])
limited = flight.FlightCallOptions(headers=[(b"x-flightgate-max-message-bytes", b"1000000")])
seen = {}


def read(name, options):
    info = client.get_flight_info(flight.FlightDescriptor.for_command(name.encode()))
    return [(chunk.data, chunk.app_metadata and chunk.app_metadata.to_pybytes().decode()) for chunk in client.do_get(info.endpoints[0].ticket, options)]


for name, batch in batches.items():
    rows = [batch, batch.slice(0, 1)] if name == "attached" else [batch]
    expected = pa.Table.from_batches(rows)
    whole, cut = read(name, flight.FlightCallOptions()), read(name, limited)
    same = [pa.Table.from_batches([data for data, _ in chunks]).equals(expected) for chunks in (whole, cut)]
    seen[name] = {
        "same": same,
        "whole": len(whole),
        "cut": len(cut),
        "largest": max(data.nbytes for data, _ in cut),
        "attached": [attached for _, attached in cut if attached],
    }
print(json.dumps(seen))
