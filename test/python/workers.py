"""Runs prepared statements with parameters, each step on a connection of its own, so that several workers serve them.

workers.py URI KEY
"""

import json
import sys

import pyarrow as pa
import pyarrow.flight as fl
from commands import field, packed

uri, key = sys.argv[1:]
options = fl.FlightCallOptions(headers=[(b"x-api-key", key.encode())])
connections = []


def connect():
    """A client whose connection no other client shares."""
    client = fl.connect(uri, generic_options=[("grpc.use_local_subchannel_pool", 1)])
    connections.append(client)
    return client


def first_field(message):
    """The bytes of field 1, which is the first one of these messages."""
    size = shift = 0
    at = 1
    while True:
        byte = message[at]
        size |= (byte & 127) << shift
        shift += 7
        at += 1
        if byte < 128:
            return message[at : at + size]


def value_of(message):
    """The value (field 2) of an `Any`."""
    name = first_field(message)
    return first_field(message[2 + len(name) :])


def run(sql, value):
    body = packed("ActionCreatePreparedStatementRequest", field(1, sql))
    [created] = connect().do_action(fl.Action("CreatePreparedStatement", body), options)
    handle = first_field(value_of(created.body.to_pybytes()))

    def descriptor():
        return fl.FlightDescriptor.for_command(packed("CommandPreparedStatementQuery", field(1, handle)))

    batch = pa.record_batch([pa.array([value])], names=["p"])
    writer, reader = connect().do_put(descriptor(), batch.schema, options)
    writer.write_batch(batch)
    writer.done_writing()
    handle = first_field(reader.read().to_pybytes())
    writer.close()
    info = connect().get_flight_info(descriptor(), options)
    table = connect().do_get(info.endpoints[0].ticket, options).read_all()
    return [list(row.values()) for row in table.to_pylist()]


print(
    json.dumps(
        {
            "small": run("SELECT ?::INT AS a, 7 AS b", 5),
            "large": run("SELECT length(?)::INT AS a, 7 AS b", "x" * 100_000),
            "connections": len(connections),
        }
    )
)
