"""Bulk ingestion by ADBC; prints one JSON object, an entry for each step.

ingest.py URI USER KEY
"""
import datetime
import decimal
import json
import sys
import uuid

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa

uri, user, key = sys.argv[1:]
seen = {}
connection = adbc.connect(uri, db_kwargs={"username": user, "password": key}, autocommit=True)
cursor = connection.cursor()


def step(function):
    """Records the result of a step, or the class and text of its error."""
    try:
        seen[function.__name__] = function()
    except Exception as error:
        status = getattr(error, "status_code", None)
        seen[function.__name__] = {"error": type(error).__name__, "text": str(error), "status": status and status.name}


def ingest(*arguments, **options):
    """Ingests with a separate cursor: the options of an ingestion stay set on its cursor."""
    with connection.cursor() as own:
        return own.adbc_ingest(*arguments, **options)


def read(sql):
    cursor.execute(sql)
    return cursor.fetch_arrow_table()


def sometimes(value, every):
    """A column function that makes every n-th row null."""
    return lambda i: None if i % every == 0 else value(i)


ROWS = 5000
day = datetime.timedelta(days=1)
start = datetime.datetime(2020, 1, 1)
columns = {
    "bool": (pa.bool_(), sometimes(lambda i: i % 2 == 0, 7)),
    "int8": (pa.int8(), lambda i: i % 100),
    "uint64": (pa.uint64(), lambda i: 2**64 - 1 - i),
    "int64": (pa.int64(), sometimes(lambda i: -i, 3)),
    "float": (pa.float32(), lambda i: i / 2),
    "double": (pa.float64(), sometimes(lambda i: i / 3, 4)),
    "string": (pa.string(), sometimes(lambda i: "é" * (i % 20), 5)),
    "large string": (pa.large_string(), str),
    "string view": (pa.string_view(), sometimes(lambda i: "long or short " * (i % 3), 5)),
    "binary view": (pa.binary_view(), lambda i: bytes([i % 256]) * (i % 30)),
    "binary": (pa.binary(), lambda i: bytes([i % 256]) * (i % 9)),
    "fixed binary": (pa.binary(4), lambda i: i.to_bytes(4, "big")),
    "decimal": (pa.decimal128(20, 2), sometimes(lambda i: decimal.Decimal(i) / 100, 6)),
    "date": (pa.date32(), lambda i: (start + day * i).date()),
    "time": (pa.time64("us"), lambda i: datetime.time(1, 2, 3, i)),
    "seconds": (pa.timestamp("s"), lambda i: start + day * i),
    "micros": (pa.timestamp("us"), sometimes(lambda i: start + day * i, 8)),
    "nanos": (pa.timestamp("ns"), lambda i: start + day * i),
    "zoned": (pa.timestamp("us", "UTC"), lambda i: (start + day * i).replace(tzinfo=datetime.timezone.utc)),
    "list": (pa.list_(pa.int32()), sometimes(lambda i: [None if n == 2 else n for n in range(i % 5)], 11)),
    "lists": (pa.list_(pa.large_list(pa.string())), lambda i: [["x"] * (i % 3), None]),
    "pair": (pa.list_(pa.int32(), 2), lambda i: [i, None]),
    "struct": (pa.struct([("a", pa.int64()), ("b", pa.string())]), sometimes(lambda i: {"a": i, "b": None}, 9)),
    "map": (pa.map_(pa.string(), pa.int64()), lambda i: [("k", i)]),
    "dictionary": (pa.dictionary(pa.int16(), pa.string()), sometimes(lambda i: "abc"[i % 3], 13)),
    "null": (pa.null(), lambda _: None),
}


def column(kind, value):
    values = [value(i) for i in range(ROWS)]
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)


everything = pa.table({name: column(*each) for name, each in columns.items()})
few = pa.table({"i": pa.array([1, 2, 3], pa.int32()), "s": ["a", None, "c"]})


@step
def every_type():
    return ingest("everything", everything, mode="create")


@step
def every_value():
    result = read('SELECT * FROM "everything"')
    return {name: result[name].to_pylist() == everything[name].to_pylist() for name in everything.column_names}


@step
def uuids():
    values = [uuid.UUID(int=i).bytes for i in range(3)]
    ingest("uuids", pa.table({"u": pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values, pa.binary(16)))}), mode="create")
    return read("SELECT typeof(u) AS t, u::VARCHAR AS u FROM uuids ORDER BY u").to_pylist()


@step
def create():
    return ingest("few", few, mode="create")


@step
def create_existing():
    ingest("few", few, mode="create")


@step
def append():
    return [ingest("few", few, mode="append"), read("SELECT count(*) FROM few")[0][0].as_py()]


@step
def append_by_name_and_cast():
    table = pa.table({"s": ["by name"], "i": pa.array([9], pa.int8())})
    ingest("few", table, mode="append")
    return read("SELECT * FROM few WHERE i = 9").to_pylist()


@step
def append_unknown_column():
    ingest("few", pa.table({"nope": [1]}), mode="append")


@step
def append_missing():
    ingest("missing", few, mode="append")


@step
def replace():
    return [ingest("few", few, mode="replace"), read("SELECT count(*) FROM few")[0][0].as_py()]


@step
def replace_missing():
    return ingest("replaced", few, mode="replace")


@step
def create_append():
    first = ingest("twice", few, mode="create_append")
    return [first, ingest("twice", few, mode="create_append"), read("SELECT count(*) FROM twice")[0][0].as_py()]


@step
def into_schema():
    cursor.execute("CREATE SCHEMA other")
    ingest("few", few, mode="create", db_schema_name="other", catalog_name="demo")
    return read("SELECT count(*) FROM demo.other.few")[0][0].as_py()


@step
def into_unknown_catalog():
    ingest("few", few, mode="create", catalog_name="nowhere")


@step
def temporary():
    ingest("few", few, mode="create", temporary=True)


def batches():
    good = pa.record_batch({"i": pa.array(range(65_536))})
    for _ in range(20):
        yield good
    raise RuntimeError("the client's own trouble")


@step
def broken_off():
    try:
        ingest("broken", pa.RecordBatchReader.from_batches(pa.schema([("i", pa.int64())]), batches()), mode="create")
    except Exception:
        pass
    return read("SELECT count(*) AS n FROM information_schema.tables WHERE table_name = 'broken'")[0][0].as_py()


@step
def violated_constraint():
    cursor.execute("CREATE TABLE keyed (i INTEGER PRIMARY KEY)")
    ingest("keyed", pa.table({"i": list(range(100_000)) + [5]}), mode="append")


@step
def violated_constraint_left():
    return read("SELECT count(*) FROM keyed")[0][0].as_py()


@step
def stream():
    batch = pa.record_batch({"i": pa.array(range(65_536)), "s": ["some words"] * 65_536})
    reader = pa.RecordBatchReader.from_batches(batch.schema, (batch for _ in range(40)))
    rows = ingest("streamed", reader, mode="create")
    return [rows, read("SELECT sum(i)::BIGINT FROM streamed")[0][0].as_py()]


@step
def in_transaction():
    other = adbc.connect(uri, db_kwargs={"username": user, "password": key})
    writing = other.cursor()
    writing.execute("CREATE TABLE both_ways (i INTEGER)")
    writing.executemany("INSERT INTO both_ways VALUES (?)", [(1,), (2,)])
    other.rollback()
    other.close()
    return read("SELECT count(*) FROM information_schema.tables WHERE table_name = 'both_ways'")[0][0].as_py()


reader_key = "r"
reader_connection = adbc.connect(uri, db_kwargs={"username": "reader", "password": reader_key}, autocommit=True)


@step
def by_a_reader():
    reader_connection.cursor().adbc_ingest("few", few, mode="append")


print(json.dumps(seen, default=str))
