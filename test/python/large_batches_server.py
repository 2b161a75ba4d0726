"""A Flight server whose commands name batches of about 8 MiB: compressed, with views, with dictionaries, with
application metadata. It takes `NAME` as a command of its own, and `SELECT NAME` as Flight SQL.

Prints one line with its port.
"""
import random

import pyarrow as pa
import pyarrow.flight as flight

ROWS = 100_000
texts = [None if i % 7 == 0 else f"row {i} " + "long text " * (i % 12) for i in range(ROWS)]
numbers = random.Random(1)
columns = {
    "i": pa.array(range(ROWS), pa.int64()),
    "s": pa.array(texts, pa.string()),
    "l": pa.array([[i, None] if i % 3 else [] for i in range(ROWS)], pa.list_(pa.int32())),
    "r": pa.array([numbers.random() for _ in range(ROWS)]),
    "q": pa.array([None if i % 5 == 0 else numbers.random() for i in range(ROWS)]),
    "b": pa.array([i % 2 == 0 for i in range(ROWS)], pa.bool_()),
}
plain = pa.record_batch(columns)
views = pa.record_batch({"i": columns["i"], "v": pa.array(texts, pa.string_view()), "z": pa.array(texts, pa.string()).cast(pa.binary()).cast(pa.binary_view())})
dictionary = pa.record_batch({"i": columns["i"], "j": columns["i"], "d": pa.array([f"word {i % 50}" for i in range(ROWS)]).dictionary_encode()})
batches = {"plain": plain, "lz4": plain, "zstd": plain, "views": views, "dictionary": dictionary, "attached": plain}


class Server(flight.FlightServerBase):
    def get_flight_info(self, context, descriptor):
        name = descriptor.command.split(b"SELECT ")[-1].decode()
        endpoint = flight.FlightEndpoint(flight.Ticket(name.encode()), [])
        return flight.FlightInfo(batches[name].schema, descriptor, [endpoint], -1, -1)

    def do_get(self, context, ticket):
        name = ticket.ticket.decode()
        batch = batches[name]
        if name == "attached":
            return flight.GeneratorStream(batch.schema, iter([(batch, b"of the first"), (batch.slice(0, 1), b"of the second")]))
        codec = name if name in ("lz4", "zstd") else None
        return flight.RecordBatchStream(pa.Table.from_batches([batch]), options=pa.ipc.IpcWriteOptions(compression=codec))


if __name__ == "__main__":
    server = Server("grpc://127.0.0.1:0")
    print(server.port, flush=True)
    server.serve()
