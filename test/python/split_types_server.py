"""A plain Flight server whose commands name record batches, one for each type of Arrow, each well above 8 KiB.

Prints one line with its port.
"""
import datetime
import decimal
import uuid

import pyarrow as pa
import pyarrow.flight as flight

ROWS = 3000


def some(make, every=7):
    """Values with some nulls among them."""
    return [None if i % every == 3 else make(i) for i in range(ROWS)]


def text(i):
    return f"{i} " + "long text " * (i % 5)


def structs(i):
    return {"a": i, "b": None if i % 5 == 0 else text(i)}


def unions(sparse):
    types = pa.array([i % 3 for i in range(ROWS)], pa.int8())
    numbers, texts = pa.array(some(lambda i: i), pa.int64()), pa.array(some(text))
    lists = pa.array(some(lambda i: [i, i + 1]), pa.list_(pa.int32()))
    if sparse:
        return pa.UnionArray.from_sparse(types, [numbers, texts, lists], ["n", "t", "l"], [0, 1, 2])
    ids = pa.array([(5, 0, 9)[i % 3] for i in range(ROWS)], pa.int8())
    offsets = pa.array([i // 3 for i in range(ROWS)], pa.int32())
    return pa.UnionArray.from_dense(ids, offsets, [numbers, texts, lists], ["n", "t", "l"], [5, 0, 9])


def runs(values, ends, type):
    return pa.RunEndEncodedArray.from_arrays(pa.array(ends, type), pa.array(values))


def lists_of(values):
    """Lists of 0 to 4 of the values."""
    offsets = [0]
    while offsets[-1] + 4 < len(values):
        offsets.append(offsets[-1] + len(offsets) % 5)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


list_values = [[text(j) for j in range(i, i + i % 4)] for i in range(ROWS)]
nullable_lists = [None if i % 7 == 3 else each for i, each in enumerate(list_values)]
day = datetime.date(2020, 1, 1)
instant = datetime.datetime(2020, 1, 1)
# Lists in another order than their values, some sharing them.
backwards = pa.ListViewArray.from_arrays(
    pa.array([3 * (ROWS - 1 - i // 2 * 2) for i in range(ROWS)], pa.int32()), pa.array([3] * ROWS, pa.int32()), pa.array(range(3 * ROWS))
)
run_values = [None if i % 5 == 0 else text(i) for i in range(ROWS)]
run_ends = [5 * (i + 1) for i in range(ROWS)]
columns = {
    "bool": pa.array(some(lambda i: i % 3 == 0)).take(pa.array([i % ROWS for i in range(40 * ROWS)])),
    "bool without nulls": pa.array([i % 3 == 0 for i in range(40 * ROWS)]),
    "float16": pa.array(some(float), pa.float16()),
    "float32": pa.array(some(float), pa.float32()),
    "float64": pa.array(some(float), pa.float64()),
    "decimal32": pa.array(some(decimal.Decimal), pa.decimal32(9, 2)),
    "decimal64": pa.array(some(decimal.Decimal), pa.decimal64(18, 2)),
    "decimal128": pa.array(some(decimal.Decimal), pa.decimal128(38, 2)),
    "decimal256": pa.array(some(decimal.Decimal), pa.decimal256(76, 2)),
    "date32": pa.array(some(lambda i: day + datetime.timedelta(i)), pa.date32()),
    "date64": pa.array(some(lambda i: day + datetime.timedelta(i)), pa.date64()),
    "time32": pa.array(some(lambda i: i), pa.time32("ms")),
    "time64": pa.array(some(lambda i: i), pa.time64("us")),
    "timestamp": pa.array(some(lambda i: instant + datetime.timedelta(seconds=i)), pa.timestamp("us")),
    "timestamp with zone": pa.array(some(lambda i: i), pa.timestamp("ms", "Europe/Berlin")),
    "duration": pa.array(some(lambda i: i), pa.duration("us")),
    "interval": pa.array(some(lambda i: (i, i, i)), pa.month_day_nano_interval()),
    "string": pa.array(some(text), pa.string()),
    "large_string": pa.array(some(text), pa.large_string()),
    "string_view": pa.array(some(text), pa.string_view()),
    "binary": pa.array(some(lambda i: text(i).encode()), pa.binary()),
    "large_binary": pa.array(some(lambda i: text(i).encode()), pa.large_binary()),
    "binary_view": pa.array(some(lambda i: text(i).encode()), pa.binary_view()),
    "fixed_binary": pa.array(some(lambda i: i.to_bytes(7, "big")), pa.binary(7)),
    "uuid": pa.array(some(lambda i: uuid.UUID(int=i).bytes), pa.binary(16)).cast(pa.uuid()),
    "list": pa.array(nullable_lists, pa.list_(pa.string())),
    "large_list": pa.array(nullable_lists, pa.large_list(pa.string())),
    "list_view": pa.array(nullable_lists, pa.list_view(pa.string())),
    "large_list_view": pa.array(nullable_lists, pa.large_list_view(pa.string())),
    "list_view backwards": backwards,
    "list_view of list_view": pa.array([None if i % 9 == 2 else nullable_lists[i : i + i % 3] for i in range(ROWS)], pa.list_view(pa.list_view(pa.string_view()))),
    "list_view of struct": pa.array([[structs(j) for j in range(i % 4)] for i in range(ROWS)], pa.list_view(pa.struct({"a": pa.int64(), "b": pa.string()}))),
    "fixed_list": pa.array(some(lambda i: [i, None, i]), pa.list_(pa.int64(), 3)),
    "fixed_list of bool": pa.array(some(lambda i: [i % 2 == 0] * 33), pa.list_(pa.bool_(), 33)),
    "struct": pa.array(some(structs), pa.struct({"a": pa.int64(), "b": pa.string()})),
    "struct of list_view": pa.array([{"l": each, "z": None} for each in nullable_lists], pa.struct({"l": pa.large_list_view(pa.string()), "z": pa.null()})),
    "map": pa.array(some(lambda i: [(f"key {j}", j) for j in range(i % 4)]), pa.map_(pa.string(), pa.int32())),
    "dense_union": unions(False),
    "sparse_union": unions(True),
    "list of dense_union": lists_of(unions(False)),
    "dictionary": pa.array(some(lambda i: f"word {i % 50}")).dictionary_encode(),
    "list of dictionary": lists_of(pa.array(some(lambda i: f"word {i % 50}")).dictionary_encode()),
    "run_ends 16": runs(run_values, run_ends, pa.int16()),
    "run_ends 32": runs(run_values, run_ends, pa.int32()),
    "run_ends 64": runs(run_values, run_ends, pa.int64()),
    "run_ends of list": runs(nullable_lists, run_ends, pa.int32()),
    "struct of run_ends": pa.StructArray.from_arrays([runs(run_values, run_ends, pa.int32()), pa.array(range(5 * ROWS))], ["r", "i"]),
    "list of run_ends": lists_of(runs(run_values, run_ends, pa.int32())),
}
for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
    columns[name] = pa.array(some(lambda i: i % 100), getattr(pa, name)()).take(pa.array([i % ROWS for i in range(4 * ROWS)]))


def batch_of(column):

    ballast = pa.array(range(len(column)), pa.int32())
    nothing = pa.nulls(len(column))
    return pa.record_batch({"n": nothing, "c": column, "i": ballast})


whole = {name: batch_of(column) for name, column in columns.items()}
batches = whole | {f"{name}, sliced": batch.slice(5, batch.num_rows - 12) for name, batch in whole.items()}


class Server(flight.FlightServerBase):
    def get_flight_info(self, context, descriptor):
        name = descriptor.command.decode()
        endpoint = flight.FlightEndpoint(flight.Ticket(descriptor.command), [])
        return flight.FlightInfo(batches[name].schema, descriptor, [endpoint], -1, -1)

    def do_get(self, context, ticket):
        batch = batches[ticket.ticket.decode()]
        return flight.RecordBatchStream(pa.Table.from_batches([batch]))


if __name__ == "__main__":
    server = Server("grpc://127.0.0.1:0")
    print(server.port, flush=True)
    server.serve()
