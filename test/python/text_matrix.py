"""Arrow data of all types, and whether its text reads back as the same values.

text_matrix.py write FOLDER    writes NAME.arrows for each case
text_matrix.py verify FOLDER   reads NAME.{objects.ndjson,arrays.ndjson,text.ndjson,json,csv} by json and csv, and compares
text_matrix.py typed FOLDER    reads the case "typed" by duckdb and pyarrow, and compares
text_matrix.py serve FOLDER    serves the cases by Flight; prints its port
"""
import base64
import csv
import decimal
import json
import math
import pathlib
import random
import sys
import uuid
from decimal import Decimal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.flight as flight
import pyarrow.json

ROWS = 300
SAFE = 2**53 - 1
decimal.getcontext().prec = 100
TEXTS = [
    "", "plain", 'quote "', "comma,", "line\nfeed", "carriage\r\nreturn", "tab\t", "nul\0inside", "back\\slash", "🚀 emoji", "ünïcödé",
    "日本語テキスト", " padded ", "'single'", "null", "NULL", "true", "{\"a\":1}", "\x7f\x1f\x01", "a" * 70_000, "é" * 20_000, '",\r\n' * 3,
    "\u2028\u2029", "abc", "abcd", "abcde", "x" * 12, "y" * 13, ",", "\n", '"', "\ufeff",
]


def values(pick, edges):
    """Edge values first, then random ones; a fifth of the rows is null."""
    rows = [*edges, *(pick() for _ in range(ROWS - len(edges)))]
    return [None if random.random() < 0.2 and i >= len(edges) else value for i, value in enumerate(rows)]


def integers(bits, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    edges = [low, high, 0, *(n for e in range(0, 19) for n in (10**e, 10**e - 1, -(10**e)) if low <= n <= high)]
    edges += [n for n in (SAFE, SAFE + 1, -SAFE, -SAFE - 1, SAFE - 1) if low <= n <= high]
    return values(lambda: random.randint(low, high) >> random.randrange(bits), edges)


def decimals(precision, scale):
    def unscaled(n):
        return Decimal(n).scaleb(-scale)

    top = 10**precision - 1
    edges = [0, 1, -1, top, -top, 10**15, 10**15 - 1, 2**53 + 1, 2**63, -(2**63), 2**31, 1234567890123456, 5 * 10**17]
    return values(
        lambda: unscaled(random.randint(-top, top) // 10 ** random.randrange(precision)),
        [unscaled(n) for n in edges if abs(n) <= top],
    )


def floats(cast):
    edges = [0.0, -0.0, math.nan, math.inf, -math.inf, 1.0, -1.0, 0.1, -2.5, 1e15, 1e16, 1e21, 1e-7, 123456.75, 2.0**53, -(2.0**53) - 2]
    edges += [5e-324, 1.7976931348623157e308, 65504.0, 3.4028234663852886e38, 0.30000000000000004]
    with np.errstate(over="ignore"):
        return [None if v is None else cast(v) for v in values(lambda: random.uniform(-1, 1) * 10 ** random.randint(-10, 10), edges)]


def raw(kind, bits, edges, low=None, high=None):
    """Values of a type that is stored as an integer."""
    low = -(2 ** (bits - 1)) if low is None else low
    high = 2 ** (bits - 1) - 1 if high is None else high
    ints = values(lambda: random.randint(low, high) >> random.randrange(bits), [e for e in edges if low <= e <= high])
    return pa.array(ints, pa.int64() if bits == 64 else pa.int32()).view(kind)


def columns():
    day = 86_400
    for bits in (8, 16, 32, 64):
        yield f"i{bits}", pa.array(integers(bits, True), getattr(pa, f"int{bits}")())
        yield f"u{bits}", pa.array(integers(bits, False), getattr(pa, f"uint{bits}")())
    yield "null", pa.nulls(ROWS)
    yield "bool", pa.array(values(lambda: random.random() < 0.5, [True, False]))
    with np.errstate(over="ignore"):
        yield "half", pa.array(floats(np.float16), pa.float16())
        yield "float", pa.array(floats(np.float32), pa.float32())
    yield "double", pa.array(floats(float), pa.float64())
    for name, kind in {
        "dec32": pa.decimal32(9, 2), "dec64": pa.decimal64(18, 4), "dec15": pa.decimal128(15, 2), "dec38": pa.decimal128(38, 10),
        "dec0": pa.decimal128(38, 0), "dec38s": pa.decimal128(38, 38), "dec76": pa.decimal256(76, 20), "dec12": pa.decimal128(18, 12),
        "decneg": pa.decimal128(20, -3),
    }.items():
        yield name, pa.array(decimals(kind.precision, kind.scale), kind)
    texts = values(lambda: random.choice(TEXTS[:19]) + random.choice(TEXTS[:19]), TEXTS)
    for name, kind in {"str": pa.string(), "lstr": pa.large_string(), "strv": pa.string_view()}.items():
        yield name, pa.array(texts, kind)
    blobs = values(lambda: random.randbytes(random.randrange(40)), [b"", b"a", b"ab", b"abc", bytes(range(256)), b"z" * 50_000])
    for name, kind in {"bin": pa.binary(), "lbin": pa.large_binary(), "binv": pa.binary_view()}.items():
        yield name, pa.array(blobs, kind)
    yield "fixed", pa.array(values(lambda: random.randbytes(5), [b"\0" * 5]), pa.binary(5))
    yield "uuid", pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values(lambda: random.randbytes(16), []), pa.binary(16)))
    days = [0, -1, -719_528, -719_529, 2_932_896, 2_932_897, 2**31 - 1, -(2**31), 19_000, -25_567, 47_481, 47_482]
    yield "date32", raw(pa.date32(), 32, days)
    yield "date64", raw(pa.date64(), 64, [d * day * 1000 for d in days])
    yield "time_s", raw(pa.time32("s"), 32, [0, day - 1, day], 0, day)
    yield "time_ms", raw(pa.time32("ms"), 32, [0, day * 1000 - 1, day * 1000], 0, day * 1000)
    yield "time_us", raw(pa.time64("us"), 64, [0, day * 10**6 - 1, day * 10**6], 0, day * 10**6)
    yield "time_ns", raw(pa.time64("ns"), 64, [0, day * 10**9 - 1, day * 10**9], 0, day * 10**9)
    for unit, per in {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.items():
        moments = [d * day * per + extra for d in days for extra in (0, -1, 1, per * day - 1)]
        moments = [m for m in moments if abs(m) < 2**63] + [2**63 - 1, -(2**63) + 1]
        yield f"ts_{unit}", raw(pa.timestamp(unit), 64, moments)
        yield f"tz_{unit}", raw(pa.timestamp(unit, "Europe/Berlin"), 64, moments)
        yield f"dur_{unit}", raw(pa.duration(unit), 64, [0, 1, -1, per, per + 1, -per - 1, 2**63 - 1, -(2**63)])
    yield "mdn", pa.array(
        values(lambda: (random.randint(-99, 99), random.randint(-99, 99), random.randint(-(10**15), 10**15)), [(0, 0, 0), (1, -2, 3)]),
        pa.month_day_nano_interval(),
    )
    words = pa.array(values(lambda: random.choice(TEXTS[:12]), TEXTS[:12]))
    yield "dict", words.dictionary_encode()
    yield "dict8", words.dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))
    yield "dict64", pa.array(integers(64, True), pa.int64()).dictionary_encode().cast(pa.dictionary(pa.uint16(), pa.int64()))
    yield "ree", pc.run_end_encode(pa.array([random.choice(["a", None, 'b"']) for _ in range(ROWS // 3) for _ in range(3)]))
    some = lambda pick: [pick() if random.random() < 0.8 else None for _ in range(random.randrange(5))]
    lists = values(lambda: some(lambda: random.choice(TEXTS[:19])), [[], [None], [""]])
    yield "list", pa.array(lists, pa.list_(pa.string()))
    yield "llist", pa.array(lists, pa.large_list(pa.string()))
    yield "listv", pa.array(lists, pa.list_view(pa.string()))
    yield "llistv", pa.array(lists, pa.large_list_view(pa.string_view()))
    yield "flist", pa.array(values(lambda: [random.random(), None, 1.0], [[0.5, 1.5, None]]), pa.list_(pa.float64(), 3))
    inner = pa.struct([("n", pa.int64()), ("d", pa.decimal128(20, 5)), ('q"', pa.string())])
    structs = values(
        lambda: {"n": random.randint(-(2**60), 2**60), "d": Decimal(random.randint(0, 10**19)).scaleb(-5), 'q"': random.choice(TEXTS[:9])}, []
    )
    yield "struct", pa.array(structs, inner)
    yield "deep", pa.array(values(lambda: some(lambda: {"l": some(lambda: random.choice(structs))}), [[]]), pa.list_(pa.struct([("l", pa.list_(inner))])))
    yield "map", pa.array(values(lambda: [(k, random.randint(-9, 9)) for k in random.sample(TEXTS[:9], 3)], [[]]), pa.map_(pa.string(), pa.int32()))
    kinds = pa.array([i % 2 for i in range(ROWS)], pa.int8())
    numbers, names = pa.array(integers(32, True), pa.int32()), pa.array([random.choice(TEXTS[:9]) for _ in range(ROWS)])
    yield "sparse", pa.UnionArray.from_sparse(kinds, [numbers, names], ["n", "s"], [0, 1])
    yield "dense", pa.UnionArray.from_dense(kinds, pa.array([i // 2 for i in range(ROWS)], pa.int32()), [numbers, names], ["n", "s"], [0, 1])
    yield "dictlist", pa.ListArray.from_arrays(pa.array(range(0, ROWS + 1), pa.int32()), words.dictionary_encode())


def typed_columns(all_columns):
    """Values that the typed readers of duckdb and pyarrow know."""
    day = 86_400 * 10**6
    era = (-719_162 * day, 2_932_896 * day)
    yield "id", pa.array(range(ROWS), pa.int32())
    yield from ((name, all_columns[name]) for name in ("i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool", "dec15", "dec38"))
    yield "double", pa.array([v if v is None or math.isfinite(v) else 1.5 for v in floats(float)], pa.float64())
    yield "str", pa.array([v and v.replace("\0", "").replace("\ufeff", "") for v in all_columns["str"].to_pylist()])
    yield "date", raw(pa.date32(), 32, [0, -1, *(e // day for e in era)], *(e // day for e in era))
    yield "time", raw(pa.time64("us"), 64, [0, day - 1], 0, day - 1)
    yield "ts", raw(pa.timestamp("us"), 64, [0, -1, *era], *era)
    yield "tz", raw(pa.timestamp("us", "UTC"), 64, [0, -1, *era], *era)
    yield "ints", pa.array(values(lambda: [random.randint(-9, 9), None], [[]]), pa.list_(pa.int64()))
    yield "pair", pa.array(values(lambda: {"a": random.random(), "b": random.choice(TEXTS[:7])}, []), pa.struct([("a", pa.float64()), ("b", pa.string())]))


def cases():
    random.seed(15)
    table = pa.table(dict(columns()))
    yield "all", table, {}, ROWS
    yield "typed", pa.table(dict(typed_columns(table))), {}, 64
    yield "small-batches", table, {}, 7
    yield "lz4", table, {"compression": "lz4"}, 100
    yield "zstd", table, {"compression": "zstd"}, 100
    yield "empty", table.slice(0, 0), {}, ROWS
    yield "one-column", table.select(["str"]).filter(pc.is_valid(table["str"])), {}, ROWS
    yield "same-names", pa.table([table["i8"], table["str"], table["i8"]], names=["a", "a", "a_1"]), {}, ROWS


def write(folder):
    for name, table, options, rows in cases():
        with pa.ipc.new_stream(folder / f"{name}.arrows", table.schema, options=pa.ipc.IpcWriteOptions(**options)) as out:
            out.write_table(table, max_chunksize=rows)
    # A dictionary that grows by deltas, and one that is replaced.
    for name, deltas in (("deltas", True), ("replaced", False)):
        schema = pa.schema([("d", pa.dictionary(pa.int32(), pa.string()))])
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
        with pa.ipc.new_stream(folder / f"{name}.arrows", schema, options=options) as out:
            for count in (3, 8, 20):
                words = TEXTS[:count] if deltas else TEXTS[count : count + 5]
                array = pa.DictionaryArray.from_arrays(pa.array([random.randrange(len(words)) for _ in range(50)], pa.int32()), pa.array(words))
                out.write_batch(pa.record_batch([array], schema=schema))


def ints(array):
    width = array.type.bit_width
    return array.view(pa.int64() if width == 64 else pa.int32()).to_pylist()


def fraction(rest, per):
    return f".{rest:0{len(str(per)) - 1}d}" if per > 1 else ""


PER = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def date_text(days):
    year, month, day = str(np.datetime64(days, "D")).removeprefix("-").split("-")
    negative = str(np.datetime64(days, "D")).startswith("-")
    plain = not negative and int(year) <= 9999
    return (f"{int(year):04d}" if plain else f"{'-' if negative else '+'}{int(year):06d}") + f"-{month}-{day}"


def clock(value, per):
    seconds = value // per
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction(value % per, per)}"


def seconds_text(value, per):
    whole, rest = divmod(abs(value), per)
    text = f"{whole}{fraction(rest, per).rstrip('0').rstrip('.')}"
    return f"-{text}" if value < 0 else text


def expected(array):
    """What JSON holds for each value: numbers as Decimal or float, or text."""
    t = array.type
    if isinstance(array, pa.ChunkedArray):
        return [v for chunk in array.chunks for v in expected(chunk)]
    if pa.types.is_dictionary(t):
        known = expected(array.dictionary)
        return [None if i is None else known[i] for i in array.indices.to_pylist()]
    if pa.types.is_run_end_encoded(t):
        return expected(pc.run_end_decode(array))
    if pa.types.is_union(t):
        members = [expected(array.field(i)) for i in range(t.num_fields)]
        at = array.offsets.to_pylist() if t.mode == "dense" else range(len(array))
        return [members[kind][i] for kind, i in zip(array.type_codes.to_pylist(), at)]
    if pa.types.is_struct(t):
        members = [expected(array.field(i)) for i in range(t.num_fields)]
        names = [t.field(i).name for i in range(t.num_fields)]
        valid = array.is_valid().to_pylist()
        return [dict(zip(names, row)) if valid[i] else None for i, row in enumerate(zip(*members))]
    if pa.types.is_map(t):
        return [None if s.as_py() is None else [list(pair) for pair in zip(expected(s.values.field(0)), expected(s.values.field(1)))] for s in array]
    if pa.types.is_nested(t):
        return [expected(s.values) if s.is_valid else None for s in array]
    per = PER.get(getattr(t, "unit", None), 1)
    plain = array.to_pylist() if not (pa.types.is_temporal(t) or isinstance(t, pa.UuidType)) else None
    if pa.types.is_date32(t):
        texts = [None if v is None else date_text(v) for v in ints(array)]
    elif pa.types.is_date64(t):
        texts = [None if v is None else date_text(v // 86_400_000) for v in ints(array)]
    elif pa.types.is_time(t):
        texts = [None if v is None else clock(v, per) for v in ints(array)]
    elif pa.types.is_timestamp(t):
        day, zone = 86_400 * per, "Z" if t.tz else ""
        texts = [None if v is None else f"{date_text(v // day)}T{clock(v % day, per)}{zone}" for v in ints(array)]
    elif pa.types.is_duration(t):
        texts = [None if v is None else f"PT{seconds_text(v, per)}S" for v in ints(array)]
    elif t == pa.month_day_nano_interval():
        texts = [None if v is None else f"P{v.months}M{v.days}DT{seconds_text(v.nanoseconds, 10**9)}S" for v in array.to_pylist()]
    elif isinstance(t, pa.UuidType):
        texts = [None if v is None else str(uuid.UUID(bytes=v)) for v in array.storage.to_pylist()]
    elif pa.types.is_binary(t) or pa.types.is_large_binary(t) or pa.types.is_binary_view(t) or pa.types.is_fixed_size_binary(t):
        texts = [None if v is None else base64.b64encode(v).decode() for v in plain]
    else:
        texts = [float(v) if isinstance(v, np.floating) else v for v in plain]
    return texts


class Number(str):
    """A JSON number, as written."""


def load(text):
    pairs = lambda items: check_unique(items) or dict(items)
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=lambda c: 1 / 0, object_pairs_hook=pairs)


def check_unique(items):
    assert len({k for k, _ in items}) == len(items), items


def same(wanted, got, numbers, where):
    def fail():
        raise AssertionError(f"{where}: {wanted!r} is {got!r}")

    if isinstance(wanted, dict):
        if list(wanted) != list(got):
            fail()
        for key in wanted:
            same(wanted[key], got[key], numbers, where)
    elif isinstance(wanted, list):
        if not isinstance(got, list) or len(wanted) != len(got):
            fail()
        for w, g in zip(wanted, got):
            same(w, g, numbers, where)
    elif wanted is None or isinstance(wanted, bool):
        if wanted is not got:
            fail()
    elif isinstance(wanted, int) and not isinstance(wanted, bool):
        wide = where.endswith(("i64", "u64", "dict64", "struct", "deep", "ints"))
        if int(got) != wanted or isinstance(got, Number) != (abs(wanted) <= SAFE and not (numbers == "text" and wide)):
            fail()
    elif isinstance(wanted, Decimal):
        few = len(wanted.normalize().as_tuple().digits) <= 15
        if Decimal(got) != wanted or isinstance(got, Number) != (few and numbers != "text"):
            fail()
    elif isinstance(wanted, float):
        special = math.isnan(wanted) or math.isinf(wanted)
        if special and (got != {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(wanted)] or isinstance(got, Number)):
            fail()
        if not special and (not isinstance(got, Number) or repr(float(got)) != repr(wanted)):
            fail()
    elif got != wanted or isinstance(got, Number):
        fail()


def csv_text(value):
    """What a CSV field holds."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return value if isinstance(value, str) else str(value)


def same_csv(wanted, got, where):
    if isinstance(wanted, (list, dict)):
        same(wanted, load(got), "exact", where)
    elif isinstance(wanted, float) and math.isfinite(wanted):
        assert repr(float(got)) == repr(wanted), (where, wanted, got)
    elif isinstance(wanted, Decimal):
        assert Decimal(got) == wanted, (where, wanted, got)
    else:
        # The reader of the csv module knows no null; duckdb and pyarrow tell it from an empty text (see typed).
        assert got == (csv_text(wanted) or ""), (where, wanted, got)


def unique(names):
    out = []
    for name in names:
        free, i = name, 0
        while free in out or (i > 0 and free in names):
            i += 1
            free = f"{name}_{i}"
        out.append(free)
    return out


def verify(folder):
    compared = 0
    csv.field_size_limit(2**30)
    for file in sorted(folder.glob("*.arrows")):
        name = file.stem
        table = pa.ipc.open_stream(file).read_all()
        names = unique(table.column_names)
        wanted = [expected(column) for column in table.columns]
        lines = lambda kind: [load(line) for line in (folder / f"{name}.{kind}.ndjson").read_bytes().decode().split("\n")[:-1]]
        for kind, numbers in (("objects", "exact"), ("text", "text"), ("arrays", "exact")):
            rows = lines(kind)
            assert len(rows) == table.num_rows, (name, kind, len(rows))
            for i, row in enumerate(rows):
                assert kind == "arrays" or list(row) == names
                cells = row if kind == "arrays" else list(row.values())
                for column, cell, want in zip(names, cells, wanted):
                    same(want[i], cell, numbers, f"{name}.{kind} row {i} {column}")
                    compared += 1
        assert load((folder / f"{name}.json").read_bytes().decode()) == lines("objects"), name
        with open(folder / f"{name}.csv", newline="", encoding="utf-8") as text:
            header, *rows = csv.reader(text, strict=True)
        assert header == names and len(rows) == table.num_rows, (name, header, len(rows))
        for i, row in enumerate(rows):
            for column, cell, want in zip(names, row, wanted):
                same_csv(want[i], cell, f"{name}.csv row {i} {column}")
                compared += 1
    return compared


def typed(folder):
    """Compares in the types of duckdb and pyarrow, which tell null from an empty text in CSV."""
    table = pa.ipc.open_stream(folder / "typed.arrows").read_all()
    flat = table.drop_columns(["ints", "pair"])
    database = duckdb.connect()
    database.sql("SET TimeZone = 'UTC'")
    database.register("wanted", table)
    names = table.column_names
    declared = {name: kind for name, kind, *_ in database.sql("DESCRIBE FROM wanted").fetchall()}
    ways = {
        "csv": "read_csv('{}/typed.csv', header = true, columns = {}, nullstr = '', allow_quoted_nulls = false, new_line = '\\r\\n', auto_detect = false, quote = '\"', escape = '\"')",
        "objects.ndjson": "read_json('{}/typed.objects.ndjson', format = 'newline_delimited', columns = {}, maximum_object_size = 100000000)",
        "json": "read_json('{}/typed.json', format = 'array', columns = {}, maximum_object_size = 100000000)",
    }
    for kind, way in ways.items():
        nested = ("ints", "pair") if kind == "csv" else ()
        source = way.format(folder, declared | {name: "JSON" for name in nested})
        rows = database.sql(f"SELECT count(*) FROM {source}").fetchone()[0]
        assert rows == table.num_rows, (kind, rows)
        for name in names:
            got = f"CAST(b.{name} AS {declared[name]})"
            wrong = database.sql(f"SELECT id, a.{name}, {got} FROM wanted a JOIN {source} b USING (id) WHERE a.{name} IS DISTINCT FROM {got}").fetchall()
            assert not wrong, (kind, name, wrong[:3])
    got = pa.csv.read_csv(
        folder / "typed.csv",
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=flat.schema, include_columns=flat.column_names, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    # Its own reader does not know all of pyarrow's types: cast what it lacks.
    for name in flat.column_names:
        assert got[name].combine_chunks().equals(flat[name].combine_chunks()), ("pyarrow.csv", name)
    some = table.select(["i8", "i16", "i32", "u32", "bool", "double", "str", "ints", "pair"])
    got = pa.json.read_json(
        folder / "typed.objects.ndjson",
        read_options=pa.json.ReadOptions(block_size=1 << 24),
        parse_options=pa.json.ParseOptions(explicit_schema=some.schema, unexpected_field_behavior="ignore"),
    )
    for name in some.column_names:
        assert got[name].combine_chunks().equals(some[name].combine_chunks()), ("pyarrow.json", name)
    return len(ways) + 2


class Server(flight.FlightServerBase):
    """A Flight SQL server, as far as the gateway needs one, with a statement `SELECT NAME` for each case."""

    def __init__(self, folder):
        super().__init__("grpc://127.0.0.1:0")
        self.folder = folder

    def rows(self, name):
        return pa.ipc.open_stream(self.folder / f"{name.decode()}.arrows")

    def get_flight_info(self, context, descriptor):
        # The text of the statement ends its protobuf message.
        name = descriptor.command.split(b"SELECT ")[-1]
        return flight.FlightInfo(self.rows(name).schema, descriptor, [flight.FlightEndpoint(flight.Ticket(name), [])], -1, -1)

    def do_get(self, context, ticket):
        compression = {b"lz4": "lz4", b"zstd": "zstd"}.get(ticket.ticket)
        options = pa.ipc.IpcWriteOptions(compression=compression, emit_dictionary_deltas=True)
        return flight.RecordBatchStream(self.rows(ticket.ticket), options=options)


def serve(folder):
    server = Server(folder)
    print(server.port, flush=True)
    server.serve()


if __name__ == "__main__":
    action, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    print(json.dumps({"write": write, "verify": verify, "typed": typed, "serve": serve}[action](folder)))
