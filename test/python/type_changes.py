"""Reads columns of every type during type changes, and compares each result with DuckDB's own result of the announced type.

type_changes.py URI SECONDS"""
import collections
import json
import random
import sys
import threading
import time

import adbc_driver_flightsql.dbapi as adbc
import duckdb
import pyarrow as pa
import pyarrow.flight as flight

uri, seconds = sys.argv[1], float(sys.argv[2])
ROWS = 3000
PICKED = 11
large_enum = "ENUM(" + ", ".join(f"'value {n}'" for n in range(300)) + ")"
expressions = {
    "BOOLEAN": "i % 3 = 0",
    "TINYINT": "(i % 100)::TINYINT",
    "UTINYINT": "(i % 200)::UTINYINT",
    "SMALLINT": "i::SMALLINT",
    "USMALLINT": "i::USMALLINT",
    "INTEGER": "i::INTEGER",
    "UINTEGER": "i::UINTEGER",
    "BIGINT": "i * 10000000000",
    "UBIGINT": "i::UBIGINT",
    "HUGEINT": "i::HUGEINT * 1000000000000000000000",
    "UHUGEINT": "i::UHUGEINT",
    "BIGNUM": "i::BIGNUM",
    "FLOAT": "(i / 7)::FLOAT",
    "DOUBLE": "i / 7",
    "DECIMAL(4,1)": "(i / 10)::DECIMAL(4,1)",
    "DECIMAL(9,2)": "i::DECIMAL(9,2)",
    "DECIMAL(18,3)": "i::DECIMAL(18,3)",
    "DECIMAL(38,4)": "i::DECIMAL(38,4)",
    "short texts": "i::VARCHAR",
    "long texts": "repeat(i::VARCHAR, 9)",
    "texts that become long": "CASE WHEN i < 2500 THEN i::VARCHAR ELSE repeat(i::VARCHAR, 9) END",
    "short blobs": "i::VARCHAR::BLOB",
    "long blobs": "repeat(i::VARCHAR, 9)::BLOB",
    "BIT": "i::INTEGER::BIT",
    "UUID": "md5(i::VARCHAR)::UUID",
    "JSON": """('{"a": ' || i || '}')::JSON""",
    "DATE": "DATE '1992-01-01' + i::INTEGER",
    "TIME": "TIME '00:00:00' + INTERVAL 1 SECOND * i",
    "TIME_NS": "(TIME '00:00:00' + INTERVAL 1 SECOND * i)::VARCHAR::TIME_NS",
    "TIMETZ": "(TIME '00:00:00' + INTERVAL 1 SECOND * i)::TIMETZ",
    "TIMESTAMP": "TIMESTAMP '1992-01-01' + INTERVAL 1 SECOND * i",
    "TIMESTAMP_S": "(TIMESTAMP '1992-01-01' + INTERVAL 1 SECOND * i)::TIMESTAMP_S",
    "TIMESTAMP_MS": "(TIMESTAMP '1992-01-01' + INTERVAL 1 SECOND * i)::TIMESTAMP_MS",
    "TIMESTAMP_NS": "(TIMESTAMP '1992-01-01' + INTERVAL 1 SECOND * i)::TIMESTAMP_NS",
    "TIMESTAMPTZ": "to_timestamp(i)",
    "INTERVAL": "INTERVAL 1 MONTH * i + INTERVAL 1 SECOND * i",
    "ENUM": "['red', 'green', 'blue'][1 + i % 3]::ENUM('red', 'green', 'blue')",
    "ENUM of other values": "['blue', 'a rather long value'][1 + i % 2]::ENUM('blue', 'a rather long value')",
    "large ENUM": f"('value ' || i % 300)::{large_enum}",
    "INTEGER[]": "range(i % 5)::INTEGER[]",
    "VARCHAR[]": "[i::VARCHAR, NULL, repeat(i::VARCHAR, 9)]",
    "INTEGER[3]": "[i, i + 1, i + 2]::INTEGER[3]",
    "VARCHAR[2]": "[i::VARCHAR, repeat(i::VARCHAR, 9)]::VARCHAR[2]",
    "STRUCT": "{'a': i, 'b': i::VARCHAR}",
    "STRUCT of other types": "{'a': repeat(i::VARCHAR, 9), 'b': i / 7}",
    "STRUCT of more": "{'a': i, 'b': i::VARCHAR, 'c': [i], 'd': {'e': i::DECIMAL(9,2)}}",
    "MAP": "MAP {i::VARCHAR: i, 'other': i + 1}",
    "MAP of lists": "MAP {i: [i::VARCHAR]}",
    "UNION": "CASE WHEN i % 2 = 0 THEN union_value(n := i)::UNION(n BIGINT, s VARCHAR) ELSE union_value(s := i::VARCHAR)::UNION(n BIGINT, s VARCHAR) END",
    "UNION of more": "union_value(d := i / 7)::UNION(a INTEGER[], d DOUBLE, s VARCHAR)",
    "lists of lists": "[[i], [i + 1, i + 2]]",
    "lists of structs": "[{'a': i, 'b': i::VARCHAR}]",
    "lists of enums": "[(['red', 'green'][1 + i % 2])::ENUM('red', 'green')]",
}
kinds = dict(expressions)
for name, expression in expressions.items():
    # DuckDB does not support CASE with arrays.
    value, _, cast = expression.rpartition("::") if name.endswith(("[2]", "[3]")) else (expression, "", "")
    nulls = f"CASE WHEN i % 7 = 0 THEN NULL ELSE {value} END"
    kinds[f"{name} with nulls"] = f"({nulls})::{cast}" if cast else nulls


def rows_of(kind):
    return f"SELECT i, {kinds[kind]} AS v FROM range({ROWS}) t(i)"


local = duckdb.connect()
local.execute("SET TimeZone = 'UTC'")


def own_rows(kind):
    """The rows as DuckDB gives them to Arrow, but for BOOLEAN, which the gateway sends as Arrow's bool."""
    is_boolean = kind.startswith("BOOLEAN")
    local.execute(f"SET arrow_lossless_conversion = {not is_boolean}")
    return local.sql(rows_of(kind)).to_arrow_table()


expected = {kind: own_rows(kind) for kind in kinds}
by_type = collections.defaultdict(list)
for kind, table in expected.items():
    by_type[table.schema.field("v").type].append(kind)

stop = threading.Event()
wrong, reads, refusals, changes = [], collections.Counter(), collections.Counter(), collections.Counter()
# Errors that a client may get when it loses a race; it retries the statement.
lost = ("columns changed since", "onflict", "another transaction", "has been altered", "has been dropped", "broke the statement off")


def refused(error):
    text = str(error)
    reason = next((words for words in lost if words in text), None)
    if reason:
        refusals[reason] += 1
        return
    wrong.append(f"{type(error).__name__}: {text[:300]}")
    # The server is dead: stop.
    if isinstance(error, flight.FlightUnavailableError):
        stop.set()


def check(table, rows=slice(None)):
    """Whether the column equals one of the expected kinds of its type."""
    column = table["v"]
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        return f"invalid: {error}"
    for kind in by_type.get(column.type, []):
        values = expected[kind]["v"][rows]
        if column.equals(values):
            reads[kind] += 1
            return None
    return unlike(column, rows)


def unlike(column, rows):
    """The difference between a column and the most similar kind of its type."""
    values, best = column.to_pylist(), None
    for kind in by_type.get(column.type, []):
        own = expected[kind]["v"][rows].to_pylist()
        rows_unlike = [row for row, (one, other) in enumerate(zip(values, own)) if one != other]
        if best is None or len(rows_unlike) < len(best[1]):
            best = kind, rows_unlike, own
    if best is None:
        return f"{column.type} is the type of no kind"
    kind, rows_unlike, own = best
    first = rows_unlike[:1]
    shown = [(row, values[row], own[row]) for row in first]
    return f"{kind}: {len(values)} of {len(own)} rows, {len(rows_unlike)} unlike, such as {str(shown)[:300]}"


def ask(client, sql):
    info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()))
    table = client.do_get(info.endpoints[0].ticket).read_all()
    if not info.schema.equals(table.schema, check_metadata=True):
        wrong.append(f"{sql}: announced {info.schema.field('v').type}, sent {table.schema.field('v').type}")
    return table


def work(step):
    def loop():
        random_of = random.Random(step.__name__)
        while not stop.is_set():
            try:
                problem = step(random_of)
                if problem:
                    wrong.append(problem)
            except Exception as error:
                refused(error)
            if len(wrong) > 20:
                stop.set()
    return threading.Thread(target=loop, daemon=True)


def reader(number):
    client = flight.connect(uri)
    queries = ("SELECT v FROM f", "SELECT i, v FROM f", "SELECT * FROM f", "SELECT v FROM g", "SELECT v, i, v AS w FROM g")

    def read(random_of):
        return check(ask(client, random_of.choice(queries)))
    read.__name__ = f"read{number}"
    return read


# Both prepare their statements; ADBC refuses rows with another schema than announced.
adbc_reader, adbc_writer = adbc.connect(uri, autocommit=True), adbc.connect(uri)


def read_prepared(random_of):
    with adbc_reader.cursor() as cursor:
        if random_of.random() < 0.5:
            cursor.execute("SELECT v FROM f")
        else:
            cursor.execute("SELECT v FROM f WHERE i >= ?", (0,))
        return check(cursor.fetch_arrow_table())


changer = flight.connect(uri)


def change_rows(random_of):
    """Returns the changed row, in the type that the column has at that time."""
    time.sleep(0.02)
    return check(ask(changer, f"UPDATE h SET i = i WHERE i = {PICKED} RETURNING v"), slice(PICKED, PICKED + 1))


owner = flight.connect(uri)
ingested = ("INTEGER", "DOUBLE", "long texts", "short texts with nulls", "STRUCT", "INTEGER[]", "TIMESTAMP_NS")


def change_table(random_of):
    kind = random_of.choice(list(kinds))
    way = random_of.choices(("replace", "transaction", "ingest"), (8, 1, 1))[0]
    try:
        if way == "replace":
            ask_nothing(f"CREATE OR REPLACE TABLE f AS {rows_of(kind)}")
        elif way == "transaction":
            with adbc_writer.cursor() as cursor:
                cursor.execute("DROP TABLE f")
                cursor.execute(f"CREATE TABLE f AS {rows_of(kind)}")
            adbc_writer.commit()
        else:
            with adbc_writer.cursor() as cursor:
                cursor.adbc_ingest("f", expected[random_of.choice(ingested)], mode="replace")
            adbc_writer.commit()
    except Exception:
        if way != "replace":
            adbc_writer.rollback()
        raise
    changes[way] += 1


def change_others(random_of):
    what = random_of.choice(("VIEW g", "TABLE h"))
    ask_nothing(f"CREATE OR REPLACE {what} AS {rows_of(random_of.choice(list(kinds)))}")
    changes[what] += 1


def ask_nothing(sql):
    # A statement that changes data has run before its ticket is returned.
    owner.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()))


for kind in kinds:
    ask_nothing(f"CREATE OR REPLACE TABLE f AS {rows_of(kind)}")
    problem = check(ask(owner, "SELECT * FROM f"))
    if problem:
        wrong.append(f"{kind} alone: {problem}")
for what in ("VIEW g", "TABLE h"):
    ask_nothing(f"CREATE OR REPLACE {what} AS {rows_of('INTEGER')}")
alone = sum(reads.values())
threads = [work(step) for step in (reader(1), reader(2), reader(3), read_prepared, change_rows, change_table, change_others)]
for thread in threads:
    thread.start()
ways = ("replace", "transaction", "ingest", "VIEW g", "TABLE h")
stop.wait(seconds)
# A slow machine takes longer for some of each kind.
until = time.monotonic() + 90
while not stop.is_set() and time.monotonic() < until:
    if all(changes[way] for way in ways) and sum(list(reads.values())) - alone > 20:
        break
    stop.wait(0.2)
stop.set()
for thread in threads:
    thread.join(30)
    if thread.is_alive():
        wrong.append("a statement does not end")
print(json.dumps({
    "kinds": len(kinds),
    "kindsRead": len(reads),
    "reads": sum(reads.values()) - alone,
    "changes": sum(changes.values()),
    "ways": changes,
    "refusals": refusals,
    "wrong": wrong[:10],
}))
