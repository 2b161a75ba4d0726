"""Reads the schemas of many wide tables while another principal runs statements; prints the results of both."""
import json
import sys
import threading

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pyarrow.flight as flight
from commands import packed

uri, columns = sys.argv[1], int(sys.argv[2])


def options(key):
    return flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {key}".encode())])


client = flight.connect(uri)
reads, works = options("reader-key"), options("worker-key")


def open_tables():
    command = flight.FlightDescriptor.for_command(packed("CommandGetTables", b"\x28\x01"))
    return client.do_get(client.get_flight_info(command, reads).endpoints[0].ticket, reads)


def select_one(other):
    info = other.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1 AS one"), works)
    return other.do_get(info.endpoints[0].ticket, works).read_all().to_pylist() == [{"one": 1}]


results = {}
names, batch_bytes, wrong = [], [], []
stop = threading.Event()
answers = []


def work():
    with flight.connect(uri) as other:
        while not stop.is_set():
            answers.append(select_one(other))


worker = threading.Thread(target=work)
worker.start()
# The other client may be slow, and the tables read before it has begun.
for attempt in range(20):
    before = len(answers)
    chunks = [chunk.data for chunk in open_tables()]
    meanwhile = len(answers) - before
    if meanwhile > 1:
        break
stop.set()
worker.join()
results["others were answered meanwhile"] = meanwhile > 1 and all(answers)

with flight.connect(uri) as other:
    expected = {}
    for chunk in chunks:
        batch_bytes.append(chunk.nbytes)
        for row in chunk.to_pylist():
            name = row["table_name"]
            names.append(name)
            schema = pa.ipc.read_schema(pa.py_buffer(row["table_schema"]))
            number = int(name.removeprefix("table_"))
            shape = number % 19
            if shape not in expected:
                info = other.get_flight_info(flight.FlightDescriptor.for_command(f"SELECT * FROM {name}".encode()), works)
                expected[shape] = info.schema
            facts = {field.metadata[b"ARROW:FLIGHT:SQL:TABLE_NAME"].decode() for field in schema}
            if (
                schema.names != [f"column_{i}" for i in range(columns)]
                or schema.types != expected[shape].types
                or [field.nullable for field in schema] != [i % 7 != 0 for i in range(columns)]
                or facts != {name}
            ):
                wrong.append(name)
results["tables"] = [len(names), len(set(names)), names == sorted(names)]
results["wrong"] = wrong
results["batches"] = [len(batch_bytes), max(batch_bytes)]

# This reader stops in the middle of the answer.
slow = iter(open_tables())
seen = next(slow).data.num_rows
with flight.connect(uri) as other:
    results["others beside a reader that has stopped"] = all(select_one(other) for _ in range(20))
results["the rest of a slow reader"] = seen + sum(chunk.data.num_rows for chunk in slow)

with adbc.connect(uri, db_kwargs={"adbc.flight.sql.authorization_header": "Bearer reader-key"}) as connection:
    found = connection.adbc_get_objects(depth="columns").read_all().to_pylist()
    counts = [
        len(table["table_columns"])
        for catalog in found
        for schema in catalog["catalog_db_schemas"]
        for table in schema["db_schema_tables"]
    ]
results["get_objects"] = [len(counts), sum(counts)]
print(json.dumps(results))
