"""Two plain pyarrow Flight servers; the command decides whether rows are compressed, and their location.

With `handshake` as argument they know the login by the Handshake's BasicAuth message alone (user `u`, password `p`).
Prints one line with the port of the first.
"""
import sys

import pyarrow as pa
import pyarrow.flight as flight

ROWS = 5000
table = pa.table(
    {
        "i": pa.array(range(ROWS), pa.int64()),
        "s": pa.array([None if i % 7 == 0 else f"row {i} " + "long " * (i % 5) for i in range(ROWS)]),
        "d": pa.array([f"word {i % 5}" for i in range(ROWS)]).dictionary_encode(),
    }
)
REUSE = "arrow-flight-reuse-connection://?"
DEAD = "grpc://127.0.0.1:1"


class Login(flight.ServerAuthHandler):
    def authenticate(self, outgoing, incoming):
        auth = flight.BasicAuth.deserialize(incoming.read())
        if (auth.username, auth.password) != (b"u", b"p"):
            raise flight.FlightUnauthenticatedError("who is that?")
        outgoing.write(b"the token")

    def is_valid(self, token):
        if token != b"the token":
            raise flight.FlightUnauthenticatedError("log in by a handshake")
        return b"u"


class Server(flight.FlightServerBase):
    def __init__(self, name, elsewhere=None):
        login = Login() if "handshake" in sys.argv else None
        super().__init__("grpc://127.0.0.1:0", auth_handler=login)
        self.name, self.elsewhere = name, elsewhere

    def get_flight_info(self, context, descriptor):
        locations = {
            b"lz4": [],
            b"zstd": [],
            b"reuse": [REUSE],
            b"elsewhere": [self.elsewhere],
            b"dead": [DEAD, self.elsewhere],
            b"nowhere": ["https://127.0.0.1:1/rows"],
        }
        for word, where in locations.items():
            if word in descriptor.command:
                endpoints = [flight.FlightEndpoint(flight.Ticket(word), where)]
                schema = table.schema if word in (b"lz4", b"zstd") else pa.schema([("server", pa.string())])
                return flight.FlightInfo(schema, descriptor, endpoints, -1, -1)
        raise flight.FlightServerError("unknown command")

    def do_get(self, context, ticket):
        word = ticket.ticket.decode()
        if word in ("lz4", "zstd"):
            return flight.RecordBatchStream(table, options=pa.ipc.IpcWriteOptions(compression=word))
        return flight.RecordBatchStream(pa.table({"server": [self.name]}))


second = Server("second")
first = Server("first", f"grpc://127.0.0.1:{second.port}")
print(first.port, flush=True)
first.serve()
