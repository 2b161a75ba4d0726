"""The upstream of the relay benchmark: the same record batch repeatedly, so that the upstream costs almost no CPU.

The query is "SELECT batches N", each of 1 MiB; none, or another query, gives one row.
"""
import itertools

import pyarrow as pa
import pyarrow.flight as flight

batch = pa.record_batch({"i": pa.array(range(131_072), pa.int64())})


def wanted(command):
    # The SQL is plain text, or the last bytes of a Flight SQL command.
    text = bytes(command).decode("latin1")
    return text.rsplit("batches ", 1)[1] if "batches " in text else "0"


class Server(flight.FlightServerBase):
    def get_flight_info(self, context, descriptor):
        endpoint = flight.FlightEndpoint(flight.Ticket(wanted(descriptor.command).encode()), [])
        return flight.FlightInfo(batch.schema, descriptor, [endpoint], -1, -1)

    def do_get(self, context, ticket):
        count = int(ticket.ticket)
        batches = itertools.repeat(batch, count) if count > 0 else iter([batch.slice(0, 1)])
        return flight.GeneratorStream(batch.schema, batches)


server = Server("grpc://127.0.0.1:0")
print(f"listening 127.0.0.1:{server.port}", flush=True)
server.serve()
