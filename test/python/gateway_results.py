"""Reads results with the Gateway service and with Flight, and prints one JSON object: for each result whether both are the same
table, whether the rows of its server came through, and the size of the largest message.

gateway_results.py HOST:PORT
"""
import json
import sys

import grpc
import pyarrow as pa
import pyarrow.flight as flight

from large_batches_server import batches

sys.path.append("proto")
pb, services = grpc.protos_and_services("flightgate/v1/gateway_service.proto")
LIMIT = 1_000_000
channel = grpc.insecure_channel(sys.argv[1], options=[("grpc.max_receive_message_length", -1)])
gateway = services.GatewayServiceStub(channel)
client = flight.connect(f"grpc://{sys.argv[1]}")

statements = {name: ("plain", f"SELECT {name}") for name in batches if name != "attached"}
statements["all types"] = ("demo", "FROM test_all_types()")
statements["enum"] = ("demo", "SELECT (CASE WHEN i % 3 = 0 THEN 'a' ELSE 'b' END)::ENUM ('a', 'b') AS e, i FROM range(300000) t(i)")
statements["no rows"] = ("demo", "SELECT 1 AS a, [1] AS l WHERE false")
statements["no columns"] = ("demo", "CREATE TABLE IF NOT EXISTS t (i INTEGER)")


def by_flight(source, text):
    headers = [(b"x-flightgate-source", source.encode()), (b"x-flightgate-lossless-types", b"true")]
    options = flight.FlightCallOptions(headers=headers)
    info = client.get_flight_info(flight.FlightDescriptor.for_command(text.encode()), options)
    return client.do_get(info.endpoints[0].ticket, options).read_all()


def bytes_of(answer):
    return answer.schema or answer.dictionary_batch or answer.record_batch


def table_of(answers):
    stream = b"".join(map(bytes_of, answers))
    # Readers take an error for the end of the stream, so read each message too.
    assert len(list(pa.ipc.MessageReader.open_stream(stream))) == sum(1 for answer in answers if bytes_of(answer))
    assert all(len(bytes_of(answer)) % 8 == 0 for answer in answers)
    table = pa.ipc.open_stream(stream).read_all()
    table.validate()
    return table


def is_same(table, expected):
    if not table.schema.equals(expected.schema, check_metadata=True):
        return False
    # NaN is not equal to itself, but its text is. The columns that have it are short.
    columns = zip(table.columns, expected.columns)
    return all(one.equals(other) or (len(one) < 10 and one.to_string() == other.to_string()) for one, other in columns)


lossless = [("x-flightgate-lossless-types", "true")]
limited = [*lossless, ("x-flightgate-max-message-bytes", str(LIMIT))]
seen = {}
for name, (source, text) in statements.items():
    statement = pb.Statement(query=text, data_source=source)
    whole = list(gateway.Execute(pb.ExecuteRequest(statement=statement), metadata=lossless))
    cut = list(gateway.Execute(pb.ExecuteRequest(statement=statement), metadata=limited))
    expected = by_flight(source, text)
    tables = [table_of(whole), table_of(cut)]
    seen[name] = {
        "same": [is_same(table, expected) for table in tables],
        "parts": [len(whole), len(cut)],
        "largest": max(answer.ByteSize() for answer in cut),
    }

together = [pb.Statement(id=name, query=text, data_source=source) for name, (source, text) in statements.items()]
answers = list(gateway.ExecuteBatch(pb.ExecuteBatchRequest(statements=together), metadata=limited))
for name, (source, text) in statements.items():
    table = table_of([answer for answer in answers if answer.id == name])
    seen[name]["batch"] = is_same(table, by_flight(source, text))
seen["largest"] = max(answer.ByteSize() for answer in answers)
print(json.dumps(seen))
