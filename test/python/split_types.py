"""Reads the batches of split_types_server.py through the gateway, split to messages of 8 KiB; prints one JSON object: for each,
the number of messages, whether the values are the same, and what is wrong with a message if anything is.

split_types.py URI
"""
import json
import sys

import pyarrow.flight as flight

from split_types_server import batches

client = flight.connect(sys.argv[1])
limited = flight.FlightCallOptions(headers=[(b"x-flightgate-max-message-bytes", b"8192")])
seen = {}
for name, batch in batches.items():
    info = client.get_flight_info(flight.FlightDescriptor.for_command(name.encode()))
    try:
        pieces = [chunk.data for chunk in client.do_get(info.endpoints[0].ticket, limited)]
        for piece in pieces:
            piece.validate(full=True)
        values = [value for piece in pieces for value in piece.column("c").to_pylist()]
        rows = [value for piece in pieces for value in piece.column("i").to_pylist()]
        same = values == batch.column("c").to_pylist() and rows == batch.column("i").to_pylist()
        seen[name] = {"pieces": len(pieces), "same": same}
    except Exception as error:
        seen[name] = {"error": f"{type(error).__name__}: {error}"[:500]}
print(json.dumps(seen))
