"""Prints columns of parameters as pyarrow encodes them: for each a name and an IPC stream with one column `x` in base64."""

import base64
import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa

UTC = "UTC"
last = dt.datetime(9999, 12, 31, 23, 59, 59, 999999)
first = dt.datetime(1, 1, 1)


def stream(columns, metadata=None):
    fields = [pa.field(name, array.type, metadata=metadata) for name, array in columns.items()]
    batch = pa.record_batch(list(columns.values()), schema=pa.schema(fields))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return base64.b64encode(sink.getvalue()).decode()


def one(values, kind, metadata=None):
    return stream({"x": pa.array(values, kind)}, metadata)


struct = pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))])
cases = {
    "bool": one([True, False, None], pa.bool_()),
    "int8": one([-128, 127, None], pa.int8()),
    "uint32": one([2**32 - 1], pa.uint32()),
    "int64": one([2**63 - 1, -(2**63), None], pa.int64()),
    "uint64": one([2**63 - 1], pa.uint64()),
    "uint64 above": one([2**63], pa.uint64()),
    "float16": one([1.5], pa.float16()),
    "float32": one([0.25, float("nan")], pa.float32()),
    "float64": one([0.1, -0.0, 1e300, float("inf"), float("-inf"), float("nan"), None], pa.float64()),
    "numeric": one([Decimal("99999999999999999999999999999.999999999"), Decimal("-1.50"), None], pa.decimal128(38, 9)),
    "decimal(10,2)": one([Decimal("12.30")], pa.decimal128(10, 2)),
    "decimal64": one([Decimal("12.30")], pa.decimal64(10, 2)),
    "decimal(38,20)": one([Decimal("1.00000000000000000001")], pa.decimal128(38, 20)),
    "bignumeric": one([Decimal("9" * 38 + "." + "9" * 38)], pa.decimal256(76, 38)),
    "decimal above": one([Decimal("1" + "0" * 39)], pa.decimal256(76, 0)),
    "utf8": one(["", "é🚀'\"\\", None], pa.string()),
    "large_utf8": one(["x"], pa.large_string()),
    "utf8_view": one(["x", "a text of more than twelve bytes"], pa.string_view()),
    "binary": one([b"", b"\0\xff", None], pa.binary()),
    "large_binary": one([b"\1"], pa.large_binary()),
    "binary_view": one([b"\1" * 20], pa.binary_view()),
    "fixed_binary": one([b"abcd"], pa.binary(4)),
    "uuid": stream({"x": pa.array([b"\x12" * 16], pa.uuid())}),
    "date32": one([dt.date(1, 1, 1), dt.date(9999, 12, 31), None], pa.date32()),
    "date32 above": stream({"x": pa.array([3000000], pa.int32()).cast(pa.date32())}),
    "date64": one([dt.date(2024, 2, 29)], pa.date64()),
    "timestamp[s]": one([dt.datetime(2024, 2, 29, 1, 2, 3)], pa.timestamp("s")),
    "timestamp[ms]": one([dt.datetime(2024, 2, 29, 1, 2, 3, 4000)], pa.timestamp("ms")),
    "timestamp[us]": one([first, last, None], pa.timestamp("us")),
    "timestamp[us, UTC]": one([first, last, None], pa.timestamp("us", UTC)),
    "timestamp[us, zone]": stream({"x": pa.array([1709168523000000], pa.int64()).cast(pa.timestamp("us", "Europe/Berlin"))}),
    "timestamp[ns, UTC]": stream({"x": pa.array([-1, 1709168523123456789], pa.int64()).cast(pa.timestamp("ns", UTC))}),
    "timestamp above": stream({"x": pa.array([253402300800], pa.int64()).cast(pa.timestamp("s"))}),
    "time32[s]": one([dt.time(23, 59, 59)], pa.time32("s")),
    "time32[ms]": one([dt.time(1, 2, 3, 4000)], pa.time32("ms")),
    "time64[us]": one([dt.time(23, 59, 59, 999999), dt.time(0), None], pa.time64("us")),
    "time64[ns]": stream({"x": pa.array([86399999999999], pa.int64()).cast(pa.time64("ns"))}),
    "time above": stream({"x": pa.array([86400], pa.int32()).cast(pa.time32("s"))}),
    "duration": one([dt.timedelta(days=1, microseconds=5), dt.timedelta(microseconds=-1500000)], pa.duration("us")),
    "interval": one([pa.MonthDayNano([14, 3, 14706789000000]), pa.MonthDayNano([-14, -3, -1000]), None], pa.month_day_nano_interval()),
    "null": one([None], pa.null()),
    "json": one(['{"a": 1}'], pa.string(), {"ARROW:extension:name": "google:sqlType:json"}),
    "list": one([[1, None, 3], [], None], pa.list_(pa.int64())),
    "large_list": one([["a"]], pa.large_list(pa.string())),
    "fixed_list": one([[1.5, 2.5]], pa.list_(pa.float64(), 2)),
    "list of null": one([[None], []], pa.list_(pa.null())),
    "list of lists": one([[[1]]], pa.list_(pa.list_(pa.int64()))),
    "struct": one([{"a": 1, "b": ["x", None]}, {"a": None, "b": None}, None], struct),
    "list of structs": one([[{"a": 1, "b": []}]], pa.list_(struct)),
    "map": one([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
    "range": one(
        [{"start": dt.date(2020, 1, 1), "end": None}, None],
        pa.struct([("start", pa.date32()), ("end", pa.date32())]),
        {"google:sqlType": "range"},
    ),
    "dictionary": stream({"x": pa.array(["a", "b", None, "a"]).dictionary_encode()}),
    "union": stream({"x": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])}),
    "two": stream({"b": pa.array([1, 2]), "A": pa.array(["x", "y"])}),
    "numbered": stream({"0": pa.array([1]), "1": pa.array(["x"])}),
    "none": stream({"x": pa.array([], pa.int64())}),
    "many": one(list(range(1001)), pa.int64()),
}
print(json.dumps(cases))
