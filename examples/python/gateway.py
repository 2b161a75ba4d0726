"""Calls the Gateway service of flightgate.

python gateway.py [--address host:port] [--key key] estimate|execute|batch|plan|cancel SQL...
"""

import argparse
import io
from concurrent.futures import ThreadPoolExecutor

import grpc
import pyarrow as pa
import pyarrow.flight as fl

# The README of this folder says how to generate these two modules from the proto.
from flightgate.v1 import gateway_service_pb2 as pb
from flightgate.v1 import gateway_service_pb2_grpc as stubs


class ResultStream(io.RawIOBase):
    """Reads the parts of a result as one Arrow IPC stream, as far as the reader asks for them."""

    def __init__(self, parts):
        self.parts = parts
        self.pending = memoryview(b"")
        self.summary = None

    def readable(self):
        return True

    def readinto(self, into):
        while not self.pending:
            part = next(self.parts, None)
            if part is None:
                return 0
            kind = part.WhichOneof("part")
            if kind == "summary":
                self.summary = part.summary
            else:
                self.pending = memoryview(getattr(part, kind))
        n = min(len(into), len(self.pending))
        into[:n] = self.pending[:n]
        self.pending = self.pending[n:]
        return n


class Client:
    def __init__(self, address, key, timeout):
        self.address = address
        # With TLS, use grpc.secure_channel and grpc+tls:// instead.
        self.channel = grpc.insecure_channel(address)
        self.gateway = stubs.GatewayServiceStub(self.channel)
        # A deadline and cancelling a call end the statement at its engine.
        self.options = {"timeout": timeout, "metadata": [("authorization", f"Bearer {key}")] if key else []}

    def estimate(self, statements):
        for statement in statements:
            answer = self.gateway.EstimateCost(pb.EstimateCostRequest(statement=statement), **self.options)
            estimate = answer.estimate
            # A figure that the source cannot tell is unset.
            figures = [f"{getattr(estimate, name)} {name}" for name in ("bytes", "rows") if estimate.HasField(name)]
            accuracy = pb.EstimateAccuracy.Name(estimate.accuracy)
            print(", ".join([f"source {estimate.data_source}", f"accuracy {accuracy}", *figures]))

    def execute(self, statements):
        for statement in statements:
            stream = ResultStream(self.gateway.Execute(pb.ExecuteRequest(statement=statement), **self.options))
            with pa.ipc.open_stream(stream) as reader:
                for batch in reader:
                    print(batch.to_pylist())
            summary = stream.summary
            if summary.HasField("affected_rows"):
                print(f"{summary.affected_rows} changed rows")
            print(f"{summary.metrics.rows} rows from {summary.metrics.data_source}")

    def batch(self, statements):
        """Keeps the results in memory; a reader of large results gives each statement a pipe instead."""
        request = pb.ExecuteBatchRequest(
            statements=statements, options=pb.BatchOptions(max_concurrency=5, timeout_ms=30_000)
        )
        streams = {}
        for answer in self.gateway.ExecuteBatch(request, **self.options):
            kind = answer.WhichOneof("part")
            if kind == "summary":
                summary = answer.summary
                print(f"{summary.statements} statements, {summary.succeeded} succeeded, {summary.failed} failed")
            elif kind == "result":
                status = pb.StatementStatus.Name(answer.result.status)
                if answer.result.HasField("error"):
                    print(f"{answer.id}: {status} {answer.result.error.code}: {answer.result.error.message}")
                else:
                    table = pa.ipc.open_stream(streams.pop(answer.id)).read_all()
                    print(f"{answer.id}: {status}, {table.num_rows} rows")
            else:
                streams[answer.id] = streams.get(answer.id, b"") + getattr(answer, kind)

    def plan(self, statements):
        """Plans the statements in one call and fetches their results in parallel with Flight."""
        planned = self.gateway.PlanBatch(pb.PlanBatchRequest(statements=statements), **self.options)
        headers = [(name.encode(), value.encode()) for name, value in self.options["metadata"]]
        with fl.connect(f"grpc://{self.address}") as flight, ThreadPoolExecutor() as pool:

            def fetch(result):
                if result.HasField("error"):
                    return f"{result.id}: {result.error.code}: {result.error.message}"
                ticket = fl.Ticket(result.ticket.ticket)
                table = flight.do_get(ticket, fl.FlightCallOptions(headers=headers)).read_all()
                return f"{result.id}: {table.num_rows} rows"

            for line in pool.map(fetch, planned.results):
                print(line)

    def cancel(self, statements):
        """Finds a statement in the list and cancels it by its id, as another process would do."""
        call = self.gateway.Execute(pb.ExecuteRequest(statement=statements[0]), **self.options)
        next(call)
        running = self.gateway.ListQueries(pb.ListQueriesRequest(), **self.options)
        for query in running.queries:
            if query.query == statements[0].query:
                self.gateway.CancelQuery(pb.CancelQueryRequest(id=query.id), **self.options)
        try:
            for _ in call:
                pass
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.CANCELLED:
                raise
            print(f"cancelled: {error.details()}")
        else:
            print("not cancelled: the statement had ended before")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", default="127.0.0.1:32010", help="host:port of the gateway")
    parser.add_argument("--key", help="API key")
    parser.add_argument("--timeout", type=float, default=60, help="deadline of each call in seconds")
    parser.add_argument("command", choices=["estimate", "execute", "batch", "plan", "cancel"])
    parser.add_argument("sql", nargs="+")
    args = parser.parse_args()
    client = Client(args.address, args.key, args.timeout)
    getattr(client, args.command)([pb.Statement(query=sql) for sql in args.sql])


if __name__ == "__main__":
    main()
