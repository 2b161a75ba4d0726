"""Reads a table of BigQuery into Arrow in one way; prints rows, bytes, seconds and the CPU seconds of this process.

read_bigquery.py storage HOST:PORT STREAMS | flight URI QUERY
"""
import json
import sys
import threading
import time

way, where, what = sys.argv[1:4]
lock = threading.Lock()
rows = size = 0


def count(batch):
    global rows, size
    with lock:
        rows += batch.num_rows
        size += batch.nbytes


if way == "storage":
    import grpc
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    options = [("grpc.max_receive_message_length", -1)]
    client = BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=grpc.insecure_channel(where, options)))

    def read_stream(session, name):
        for page in client.read_rows(name).rows(session).pages:
            count(page.to_arrow())

    def read():
        wanted = types.ReadSession(
            table="projects/test-project/datasets/bench/tables/large", data_format=types.DataFormat.ARROW
        )
        request = types.CreateReadSessionRequest(
            parent="projects/test-project",
            read_session=wanted,
            max_stream_count=int(what),
            preferred_min_stream_count=int(what),
        )
        session = client.create_read_session(request)
        threads = [threading.Thread(target=read_stream, args=(session, stream.name)) for stream in session.streams]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

else:
    import pyarrow.flight as flight

    client = flight.connect(where)

    def read():
        info = client.get_flight_info(flight.FlightDescriptor.for_command(what.encode()))
        for chunk in client.do_get(info.endpoints[0].ticket):
            count(chunk.data)


started, cpu = time.perf_counter(), time.process_time()
read()
print(
    json.dumps(
        {
            "rows": rows,
            "bytes": size,
            "seconds": time.perf_counter() - started,
            "cpuSeconds": time.process_time() - cpu,
        }
    )
)
