"""Parameters and ingested rows whose values DuckDB must convert; prints one JSON object, an entry for each step.

parameters.py URI USER KEY
"""
import datetime
import decimal
import json
import sys
import time

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa

uri, user, key = sys.argv[1:]
seen = {}
connection = adbc.connect(uri, db_kwargs={"username": user, "password": key}, autocommit=True)
cursor = connection.cursor()


def step(function):
    """Records the result of a step, or the status and text of its error."""
    seen[function.__name__] = outcome(function)


def outcome(function):
    try:
        return function()
    except Exception as error:
        status = getattr(error, "status_code", None)
        return {"error": type(error).__name__, "text": str(error), "status": status and status.name}


def read(sql):
    cursor.execute(sql)
    return [list(row.values()) for row in cursor.fetch_arrow_table().to_pylist()]


def make(columns):
    cursor.execute(f"CREATE OR REPLACE TABLE t ({columns})")


def ingest(batch):
    with connection.cursor() as own:
        return own.adbc_ingest("t", pa.Table.from_batches([batch]), mode="append")


def insert(batch):
    places = ", ".join("?" * batch.num_columns)
    cursor.executemany(f"INSERT INTO t VALUES ({places})", batch)


def insert_singly(batch):
    """Row by row: the statement is more than a plain INSERT."""
    places = ", ".join(["?"] * batch.num_columns)
    cursor.executemany(f"INSERT INTO t SELECT {places}", batch)


def insert_one(batch):
    """The last row alone."""
    insert(batch.slice(batch.num_rows - 1))


ways = {"insert": insert, "insert_singly": insert_singly, "insert_one": insert_one, "ingest": ingest}
int64_max, int64_min = 2**63 - 1, -(2**63)


def of(values, kind):
    """An array of these integers as another type of the same bytes."""
    return pa.array(values, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)


def dictionary(values):
    return pa.DictionaryArray.from_arrays(pa.array([0] * (len(values) - 1) + [1], pa.int8()), values.slice(len(values) - 2))


def huge(values, kind):
    data = b"".join(value.to_bytes(16, "little", signed=True) for value in values)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(data)])


out_of_range = {
    "seconds": ("TIMESTAMP", of([0, 10**13], pa.timestamp("s"))),
    "seconds before": ("TIMESTAMP", of([0, -(10**13)], pa.timestamp("s"))),
    "milliseconds": ("TIMESTAMP", of([0, 10**16], pa.timestamp("ms"))),
    "microseconds": ("TIMESTAMP", of([0, int64_min], pa.timestamp("us"))),
    "nanoseconds": ("TIMESTAMP_NS", of([0, int64_min], pa.timestamp("ns"))),
    "zoned seconds": ("TIMESTAMPTZ", of([0, 10**13], pa.timestamp("s", "UTC"))),
    "zoned seconds that would be infinity": ("TIMESTAMPTZ", of([0, int64_max], pa.timestamp("s", "UTC"))),
    "zoned milliseconds": ("TIMESTAMPTZ", of([0, -(10**16)], pa.timestamp("ms", "UTC"))),
    "days": ("DATE", of([0, -(2**31)], pa.date32())),
    "days in milliseconds": ("DATE", of([0, int64_max], pa.date64())),
    "time in seconds": ("TIME", of([0, 86_401], pa.time32("s"))),
    "negative time": ("TIME", of([0, -1], pa.time32("ms"))),
    "time in microseconds": ("TIME", of([0, 86_400_000_001], pa.time64("us"))),
    "time in nanoseconds": ("TIME_NS", of([0, int64_max], pa.time64("ns"))),
    "duration in seconds": ("INTERVAL", of([0, 10**13], pa.duration("s"))),
    "duration in milliseconds": ("INTERVAL", of([0, -(10**16)], pa.duration("ms"))),
    "decimal": ("DECIMAL(5, 2)", huge([0, 10**5], pa.decimal128(5, 2))),
    "wide decimal": ("DECIMAL(38, 0)", huge([0, -(10**38)], pa.decimal128(38, 0))),
    "list": ("TIMESTAMP[]", pa.ListArray.from_arrays([0, 1, 3], of([0, 0, 10**13], pa.timestamp("s")))),
    "pair": ("TIMESTAMP[2]", pa.FixedSizeListArray.from_arrays(of([0, 0, 0, 10**13], pa.timestamp("s")), 2)),
    "struct": ("STRUCT(x TIMESTAMP)", pa.StructArray.from_arrays([of([0, 10**13], pa.timestamp("s"))], ["x"])),
    "map": ("MAP(INTEGER, INTERVAL)", pa.MapArray.from_arrays([0, 1, 2], [1, 2], of([0, 10**13], pa.duration("s")))),
    "dictionary": ("TIMESTAMP", dictionary(of([0, 10**13], pa.timestamp("s")))),
}


@step
def refused():
    found = {}
    for name, (kind, array) in out_of_range.items():
        for way, run in ways.items():
            make(f'"1" {kind}')
            batch = pa.RecordBatch.from_arrays([array], ["1"])
            found[f"{name}, {way}"] = {**(outcome(lambda: run(batch)) or {}), "left": read("SELECT count(*) FROM t")[0][0]}
    return found


@step
def unheld_decimals():
    """Arrow types that DuckDB lacks, each on its own and as a member of other types."""
    found = {}
    for precision, scale in ((4, 5), (4, 19), (4, 100), (38, 39), (38, 127), (4, -1)):
        array = huge([7, 7], pa.decimal128(precision, scale))
        arrays = {
            "itself": array,
            "list": pa.ListArray.from_arrays([0, 1, 2], array),
            "struct": pa.StructArray.from_arrays([array], ["x"]),
            "dictionary": dictionary(array),
            "null": pa.nulls(2, array.type),
        }
        for name, each in arrays.items():
            for way, run in ways.items():
                make('"1" VARCHAR')
                batch = pa.RecordBatch.from_arrays([each], ["1"])
                what = outcome(lambda: run(batch)) or {}
                found[f"({precision}, {scale}), {name}, {way}"] = {**what, "left": read("SELECT count(*) FROM t")[0][0]}
    return found


@step
def dictionaries_in_lists():
    """With nulls, and more members than a vector of DuckDB has rows."""
    count = 3000
    words = pa.array(["a", "a rather long value", None])
    members = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2] * 4 * count, pa.int16()), words)
    null_indices = pa.DictionaryArray.from_arrays(pa.array([0, None, 1] * count, pa.int16()), words)
    structs = pa.StructArray.from_arrays([members], ["x"], mask=pa.array([False, True, False, False] * 3 * count))
    every = pa.array([0, *range(3, 4 * count, 4)], pa.int32())
    arrays = {
        "list": ("VARCHAR[]", pa.ListArray.from_arrays(every, members)),
        "uneven": ("VARCHAR[]", pa.ListArray.from_arrays(pa.array([0, 1, 2, 2000, 4000, 4001], pa.int32()), members)),
        "pair": ("VARCHAR[2]", pa.FixedSizeListArray.from_arrays(members, 2)),
        "structs": ("STRUCT(x VARCHAR)[]", pa.ListArray.from_arrays(every, structs)),
        "null indices": ("VARCHAR[]", pa.ListArray.from_arrays(pa.array([0, 1, 2, 2000, 4001], pa.int32()), null_indices)),
        "too many": ("VARCHAR[]", pa.ListArray.from_arrays(pa.array([0, 1, 5001], pa.int32()), members)),
    }
    found = {}
    for name, (kind, array) in arrays.items():
        for way in ("insert", "ingest"):
            make(f'"1" {kind}')
            wrong = outcome(lambda: ways[way](pa.RecordBatch.from_arrays([array], ["1"])))
            if isinstance(wrong, dict):
                found[f"{name}, {way}"] = {"status": wrong["status"], "text": wrong["text"]}
                continue
            stored = [row[0] for row in read("SELECT * FROM t")]
            found[f"{name}, {way}"] = stored == array.to_pylist()
    return found


rounded_down = {
    "nanoseconds": ("TIMESTAMP", of([-1, -1000, 1999], pa.timestamp("ns"))),
    "zoned nanoseconds": ("TIMESTAMPTZ", of([-1, -1000, 1999], pa.timestamp("ns", "UTC"))),
    "least zoned nanoseconds": ("TIMESTAMPTZ", of([0, 0, int64_min], pa.timestamp("ns", "UTC"))),
    "days in milliseconds": ("DATE", of([-1, -86_400_000, 86_400_001], pa.date64())),
    "duration in nanoseconds": ("INTERVAL", of([-1, -1000, 1999], pa.duration("ns"))),
    "interval": ("INTERVAL", pa.array([(1, -1, -1), (0, 0, -1000), (0, 0, 1999)], pa.month_day_nano_interval())),
    "time": ("TIME", of([1999, 0, 86_400_000_000_000 - 1], pa.time64("ns"))),
    "list": ("TIMESTAMPTZ[]", pa.ListArray.from_arrays([0, 0, 1, 2], of([-1, 1999], pa.timestamp("ns", "UTC")))),
}


@step
def rounding():
    found = {}
    for name, (kind, array) in rounded_down.items():
        found[name] = {}
        for way, run in ways.items():
            make(f'"1" {kind}')
            rows = outcome(lambda: run(pa.RecordBatch.from_arrays([array], ["1"])))
            found[name][way] = rows if isinstance(rows, dict) else [row[0] for row in read('SELECT "1"::VARCHAR FROM t')]
    return found


def with_null(array, at=1):
    """The array with one row null; the bytes of the row stay."""
    bits = pa.py_buffer(bytes([0xFF & ~(1 << at)]))
    children = [array.field(i) for i in range(array.type.num_fields)] if pa.types.is_struct(array.type) else None
    if isinstance(array, pa.ListArray):
        children = [array.values]
    buffers = array.buffers()[: 1 if pa.types.is_struct(array.type) else 3 if pa.types.is_string(array.type) else 2]
    return pa.Array.from_buffers(array.type, len(array), [bits, *buffers[1:]], children=children)


text = pa.Array.from_buffers(pa.string(), 2, [None, pa.array([0, 1, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff")])


@step
def under_nulls():
    found = {}
    sources = {name: each for name, each in out_of_range.items() if name not in ("pair", "map", "dictionary")}
    sources["text"] = ("VARCHAR", text)
    for name, (kind, array) in sources.items():
        for way, run in ways.items():
            make(f'"1" {kind}')
            wrong = outcome(lambda: run(pa.RecordBatch.from_arrays([with_null(array)], ["1"])))
            found[f"{name}, {way}"] = wrong if isinstance(wrong, dict) else read('SELECT "1" IS NULL FROM t')
    return found


@step
def unused_values():
    """Values outside a slice, and dictionary values without a row, are not checked."""
    found = {}
    seconds = of([10**13, 5, 10**13], pa.timestamp("s"))
    arrays = {
        "slice": pa.chunked_array([seconds.slice(1, 1)]).combine_chunks(),
        "list": pa.ListArray.from_arrays([1, 2], seconds),
        "dictionary": pa.DictionaryArray.from_arrays(pa.array([1], pa.int8()), seconds),
    }
    for name, array in arrays.items():
        for way, run in ways.items():
            make('"1" VARCHAR')
            wrong = outcome(lambda: run(pa.RecordBatch.from_arrays([array], ["1"])))
            found[f"{name}, {way}"] = wrong if isinstance(wrong, dict) else read("SELECT * FROM t")
    return found


@step
def infinity():
    found = {}
    for unit in ("s", "ms", "us", "ns"):
        for way, run in ways.items():
            make('"1" VARCHAR')
            run(pa.RecordBatch.from_arrays([of([-int64_max, int64_max], pa.timestamp(unit))], ["1"]))
            found[f"{unit}, {way}"] = [row[0] for row in read("SELECT * FROM t")]
    return found


every_type = {
    "bool": pa.array([True, None, False]),
    "int8": pa.array([-128, None, 127], pa.int8()),
    "uint16": pa.array([0, None, 65535], pa.uint16()),
    "int32": pa.array([1, None, 3], pa.int32()),
    "int64": pa.array([int64_min, None, int64_max], pa.int64()),
    "uint64": pa.array([0, None, 2**64 - 1], pa.uint64()),
    "half": pa.array([0, None, 1.5], pa.float32()).cast(pa.float16()),
    "float": pa.array([0.1, None, float("nan")], pa.float32()),
    "double": pa.array([0.1, None, float("-inf")], pa.float64()),
    "string": pa.array(["12", None, "a longer text than fits inline, ünï"]),
    "large string": pa.array(["12", None, ""], pa.large_string()),
    "string view": pa.array(["12", None, "a longer text than fits inline"], pa.string_view()),
    "binary": pa.array([b"12", None, b"\xff\x00"]),
    "binary view": pa.array([b"12", None, b"\xff" * 20], pa.binary_view()),
    "fixed binary": pa.array([b"123", None, b"\xff\xff\xff"], pa.binary(3)),
    "decimal": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-999.99")], pa.decimal128(5, 2)),
    "wide decimal": pa.array([decimal.Decimal(10**37), None, decimal.Decimal(-(10**37))], pa.decimal128(38, 0)),
    "date32": pa.array([0, None, -1], pa.int32()).view(pa.date32()),
    "date64": pa.array([0, None, -86_400_000], pa.int64()).view(pa.date64()),
    "time32 s": pa.array([0, None, 86_399], pa.int32()).view(pa.time32("s")),
    "time32 ms": pa.array([0, None, 86_399_999], pa.int32()).view(pa.time32("ms")),
    "time64 us": pa.array([0, None, 86_399_999_999], pa.int64()).view(pa.time64("us")),
    "time64 ns": pa.array([1, None, 86_399_999_999_999], pa.int64()).view(pa.time64("ns")),
    **{
        f"timestamp {unit} {zone}": pa.array([-1, None, 1_000_000_001], pa.int64()).view(pa.timestamp(unit, zone))
        for unit in ("s", "ms", "us", "ns")
        for zone in (None, "UTC", "Europe/Berlin")
    },
    **{f"duration {unit}": pa.array([-1, None, 10**9], pa.int64()).view(pa.duration(unit)) for unit in ("s", "ms", "us", "ns")},
    "interval": pa.array([(1, 2, 3000), None, (-1, -2, -3001)], pa.month_day_nano_interval()),
    "list": pa.array([[1, None], None, []], pa.list_(pa.int32())),
    "lists": pa.array([[["x"], None], None, []], pa.list_(pa.large_list(pa.string()))),
    "times": pa.array([[1, None], None, []], pa.list_(pa.timestamp("ms"))),
    "pair": pa.array([[1, None], None, [3, 4]], pa.list_(pa.int32(), 2)),
    "struct": pa.array([{"a": 1, "b": None}, None, {"a": None, "b": "x"}], pa.struct([("a", pa.int64()), ("b", pa.string())])),
    "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "dictionary": pa.array(["b", None, "a"]).dictionary_encode(),
    "dictionaries": pa.ListArray.from_arrays([0, 1, 1, 3], pa.array(["b", None, "a"]).dictionary_encode()),
    "null": pa.nulls(3),
    "all null": pa.nulls(3, pa.timestamp("ns", "UTC")),
    "extension": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), None, bytes(range(16))], pa.binary(16))),
    "bool8": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, None, 1], pa.int8())),
}


@step
def as_row_by_row():
    """A batch gives the same as its rows one by one, in columns of the same type and of another."""
    found = {}
    for name, array in every_type.items():
        for kind in ("own", "TIMESTAMP" if name.startswith(("date", "time", "string")) else "VARCHAR"):
            results = []
            for run in (insert, lambda batch: [insert(batch.slice(i, 1)) for i in range(3)]):
                batch = pa.RecordBatch.from_arrays([array], ["x"])
                if kind == "own":
                    cursor.execute("DROP TABLE IF EXISTS t")
                    cursor.executemany("CREATE TABLE t AS SELECT ? AS x LIMIT 0", batch.slice(0, 1))
                else:
                    make(f"x {kind}")
                wrong = outcome(lambda: run(batch))
                # The error texts may differ, since the rows are processed in another order.
                refused = wrong["status"] if isinstance(wrong, dict) else None
                results.append(refused or read("SELECT typeof(x), x::VARCHAR FROM t ORDER BY rowid"))
            found[f"{name} as {kind}"] = "same" if results[0] == results[1] else results
    return found


@step
def half_floats():
    with connection.cursor() as own:
        own.adbc_ingest("halves", pa.table({"h": every_type["half"]}), mode="create")
    return read("SELECT typeof(h), h::VARCHAR FROM halves")


few = pa.record_batch({"i": pa.array([1, 2, 3]), "s": ["a", None, "c"]})


@step
def defaults_and_numbers():
    cursor.execute("CREATE OR REPLACE SEQUENCE numbers")
    make("s VARCHAR, i INTEGER, n INTEGER DEFAULT nextval('numbers'), d VARCHAR DEFAULT 'default', g INTEGER AS (i * 2)")
    rows = 300_000
    batch = pa.record_batch({"i": pa.array(range(1, rows + 1)), "s": ["x"] * rows})
    cursor.executemany("INSERT INTO t (i, s) VALUES ($1, $2);", batch)
    inserted = cursor.rowcount
    wrong = read("SELECT count(*) FROM t WHERE n <> i OR d <> 'default' OR g <> 2 * i OR rowid + 1 <> i")[0][0]
    return [inserted, wrong]


@step
def counts():
    make("i INTEGER PRIMARY KEY, s VARCHAR")
    found = {}
    for sql in (
        "INSERT INTO t VALUES (?, ?)",
        "INSERT INTO t VALUES (?, ?) ON CONFLICT DO NOTHING",
        "INSERT OR REPLACE INTO t VALUES (?, ?)",
        "UPDATE t SET s = 'new' WHERE i >= ? AND ? IS NOT NULL",
        "INSERT INTO t VALUES (? + 10, ?) RETURNING i AS \"Count\"",
    ):
        cursor.executemany(sql, few)
        found[sql] = cursor.rowcount
    return [found, read("SELECT * FROM t ORDER BY i")]


@step
def constraints():
    make("i INTEGER PRIMARY KEY, s VARCHAR NOT NULL, CHECK (i < 3)")
    found = {
        "null": outcome(lambda: insert(few)),
        "twice": outcome(lambda: insert(pa.record_batch({"i": [1, 1], "s": ["a", "b"]}))),
        "check": outcome(lambda: insert(pa.record_batch({"i": [1, 3], "s": ["a", "b"]}))),
        "cast": outcome(lambda: insert(pa.record_batch({"i": ["1", "x"], "s": ["a", "b"]}))),
    }
    return [{name: wrong and wrong["status"] for name, wrong in found.items()}, read("SELECT count(*) FROM t")[0][0]]


@step
def in_transactions():
    make("t TIMESTAMP")
    bad = pa.record_batch({"t": of([0, 10**13], pa.timestamp("s"))})
    good = pa.record_batch({"t": of([0, 1], pa.timestamp("s"))})
    found = []
    with adbc.connect(uri, db_kwargs={"username": user, "password": key}) as own, own.cursor() as writing:
        for sql in ("INSERT INTO t VALUES (?)", "INSERT INTO t SELECT ?"):
            writing.executemany(sql, good)
            # A value out of range is found before any change, and the transaction continues.
            found.append(outcome(lambda: writing.executemany(sql, bad))["status"])
            own.commit()
            found.append(read("SELECT count(*) FROM t")[0][0])
        # A row that fails after other rows were changed ends the whole transaction.
        writing.executemany("INSERT INTO t VALUES (?)", good)
        texts = pa.record_batch({"t": ["2020-01-01", "no time"]})
        found.append(outcome(lambda: writing.executemany("INSERT INTO t SELECT ?::TIMESTAMP", texts))["status"])
        found.append((outcome(own.commit) or {}).get("error"))
        outcome(own.rollback)
    return [*found, read("SELECT count(*) FROM t")[0][0]]


@step
def cancelled():
    make("i INTEGER, s VARCHAR CHECK (length(s) > 0)")
    rows = 60_000
    batch = pa.record_batch({"i": pa.array(range(rows)), "s": ["x"] * rows})
    with adbc.connect(uri, db_kwargs={"username": user, "password": key}, autocommit=True) as own, own.cursor() as writing:
        writing.adbc_statement.set_options(**{"adbc.flight.sql.rpc.timeout_seconds.update": 1.5})
        wrong = outcome(lambda: writing.executemany("INSERT INTO t SELECT ?, ?", batch))
    return [wrong["status"], read("SELECT count(*) FROM t")[0][0]]


@step
def many():
    make("i BIGINT, s VARCHAR, d DOUBLE, t TIMESTAMP, b BOOLEAN")
    rows = 200_000
    numbers = pa.array(range(rows), pa.int64())
    batch = pa.record_batch({
        "i": numbers,
        "s": [f"text {i}" for i in range(rows)],
        "d": numbers.cast(pa.float64()),
        "t": numbers.cast(pa.timestamp("us")),
        "b": pa.array([i % 2 == 0 for i in range(rows)]),
    })
    begun = time.monotonic()
    insert(batch)
    took = time.monotonic() - begun
    inserted = cursor.rowcount
    sums = read("SELECT count(*), sum(i)::BIGINT, count(DISTINCT s), sum(d)::BIGINT, max(epoch_us(t)), sum(b::INT)::BIGINT FROM t")
    return {"rows": inserted, "seconds": took, "sums": sums[0]}


print(json.dumps(seen, default=str))
