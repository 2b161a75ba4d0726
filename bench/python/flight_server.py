"""The server to compare with: a typical pyarrow FlightServerBase over DuckDB."""
import sys

import duckdb
import pyarrow as pa
import pyarrow.flight as flight

connection = duckdb.connect(sys.argv[1], read_only=True)


class Server(flight.FlightServerBase):
    def get_flight_info(self, context, descriptor):
        endpoint = flight.FlightEndpoint(flight.Ticket(descriptor.command), [])
        return flight.FlightInfo(pa.schema([]), descriptor, [endpoint], -1, -1)

    def do_get(self, context, ticket):
        cursor = connection.cursor()
        cursor.execute(ticket.ticket.decode())
        return flight.RecordBatchStream(cursor.to_arrow_reader(65536))


server = Server("grpc://127.0.0.1:0")
print(f"listening 127.0.0.1:{server.port}", flush=True)
server.serve()
