"""Parameters of statements: their types, their rows."""
import datetime
import decimal
import uuid

import pyarrow as pa

from .cases import adbc, arrow, case, connect, equal, raises, rows, run, value

UTC = datetime.timezone.utc
moment = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012)
# A value of each common type, and DuckDB's name of the type.
typed = {
    "bool": (pa.bool_(), True, "BOOLEAN"),
    "int8": (pa.int8(), -128, "TINYINT"),
    "int16": (pa.int16(), -32768, "SMALLINT"),
    "int32": (pa.int32(), -(2**31), "INTEGER"),
    "int64": (pa.int64(), -(2**63), "BIGINT"),
    "uint8": (pa.uint8(), 255, "UTINYINT"),
    "uint16": (pa.uint16(), 65535, "USMALLINT"),
    "uint32": (pa.uint32(), 2**32 - 1, "UINTEGER"),
    "uint64": (pa.uint64(), 2**64 - 1, "UBIGINT"),
    "float32": (pa.float32(), 1.5, "FLOAT"),
    "float64": (pa.float64(), 0.1, "DOUBLE"),
    "string": (pa.string(), "zażółć 🦆 \0 'quoted'", "VARCHAR"),
    "binary": (pa.binary(), b"\0\xff'", "BLOB"),
    "decimal": (pa.decimal128(38, 10), decimal.Decimal("-1234567890123456789012345678.0123456789"), "DECIMAL(38,10)"),
    "date": (pa.date32(), datetime.date(1969, 12, 31), "DATE"),
    "time": (pa.time64("us"), datetime.time(23, 59, 59, 999999), "TIME"),
    "timestamp_us": (pa.timestamp("us"), moment, "TIMESTAMP"),
    "timestamp_tz": (pa.timestamp("us", "Etc/UTC"), moment.replace(tzinfo=UTC), "TIMESTAMP WITH TIME ZONE"),
}
nested = {
    "list": (pa.list_(pa.int32()), [1, None, 3], "INTEGER[]"),
    "struct": (pa.struct([("a", pa.int32()), ("b", pa.string())]), {"a": 1, "b": None}, "STRUCT(a INTEGER, b VARCHAR)"),
}
# Arrow types that arrive as a type DuckDB has.
widened = {
    "large_string": (pa.large_string(), "x", "VARCHAR"),
    "string_view": (pa.string_view(), "longer than twelve bytes", "VARCHAR"),
    "large_binary": (pa.large_binary(), b"x", "BLOB"),
    "fixed_binary": (pa.binary(3), b"abc", "BLOB"),
    "timestamp_s": (pa.timestamp("s"), moment.replace(microsecond=0), "TIMESTAMP"),
    "timestamp_ms": (pa.timestamp("ms"), moment.replace(microsecond=789000), "TIMESTAMP"),
    "timestamp_offset": (pa.timestamp("us", "+02:00"), moment.replace(tzinfo=UTC), "TIMESTAMP WITH TIME ZONE"),
    "date64": (pa.date64(), datetime.date(2024, 1, 2), "DATE"),
    "time32": (pa.time32("s"), datetime.time(1, 2, 3), "TIME"),
    "decimal32": (pa.decimal32(5, 2), decimal.Decimal("1.25"), "DECIMAL(5,2)"),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), "x", "VARCHAR"),
}


def one_row(kinds, null=False):
    def column(kind, value):
        data = [None if null else value]
        if pa.types.is_dictionary(kind):
            return pa.array(data, kind.value_type).dictionary_encode().cast(kind)
        return pa.array(data, kind)

    return pa.record_batch([column(kind, value) for kind, value, _ in kinds.values()], list(kinds))


def select_parameters(kinds):
    return "SELECT " + ", ".join(f'? AS "{name}"' for name in kinds)


@case
def parameters_keep_type_and_value():
    with connect() as own:
        batch = one_row(typed)
        answer = arrow(own, select_parameters(typed), batch)
        kinds = rows(own, "SELECT " + ", ".join("typeof(?)" for _ in typed), batch)[0]
        wrong = [
            (name, str(answer.schema.field(name).type), answer[name][0].as_py(), seen)
            for (name, (kind, value, duckdb)), seen in zip(typed.items(), kinds)
            if (answer.schema.field(name).type, answer[name][0].as_py(), seen) != (kind, value, duckdb)
        ]
        equal(wrong, [])


@case
def parameters_of_nested_types():
    with connect() as own:
        equal(rows(own, select_parameters(nested), one_row(nested)), [tuple(value for _, value, _ in nested.values())])


@case
def parameters_of_arrow_types_that_duckdb_lacks():
    with connect() as own:
        wrong = []
        for name, (kind, expected, duckdb) in widened.items():
            try:
                ((seen, kind_seen),) = rows(own, "SELECT $1, typeof($1)", one_row({name: (kind, expected, duckdb)}))
                if (seen, kind_seen) != (expected, duckdb):
                    wrong.append((name, seen, kind_seen))
            except adbc.Error as error:
                wrong.append((name, str(error)))
        equal(wrong, [])


@case
def parameters_null_of_each_type():
    with connect() as own:
        answer = arrow(own, select_parameters(typed), one_row(typed, null=True))
        wrong = [
            (name, str(answer.schema.field(name).type), answer[name][0].as_py())
            for name, (kind, _, _) in typed.items()
            if answer.schema.field(name).type != kind or answer[name][0].as_py() is not None
        ]
        equal(wrong, [])


@case
def parameters_from_python_values():
    values = (True, 2**40, 0.5, "x", b"y", moment, moment.date(), moment.time(), decimal.Decimal("1.50"), None)
    with connect() as own:
        equal(rows(own, "SELECT " + ", ".join("?" * len(values)), values), [values])


@case
def parameters_keep_nanoseconds():
    with connect() as own:
        for kind in (pa.timestamp("ns"), pa.time64("ns")):
            batch = pa.record_batch({"n": pa.array([1_000_000_001], kind)})
            answer = arrow(own, "SELECT $1 AS n", batch)["n"]
            equal(answer.cast(kind).cast(pa.int64())[0].as_py(), 1_000_000_001)


@case
def parameters_of_no_rows_answer_no_rows():
    with connect() as own, own.cursor() as cursor:
        batch = pa.record_batch({"n": pa.array([], pa.int64())})
        # The driver does not send a batch without rows, but it sends a stream without batches.
        statement = cursor.adbc_statement
        for sql in ["SELECT ?::BIGINT * 10 AS n", "SELECT ? AS n"]:
            statement.set_sql_query(sql)
            statement.prepare()
            statement.bind_stream(pa.RecordBatchReader.from_batches(batch.schema, []))
            handle, _ = statement.execute_query()
            result = pa.RecordBatchReader._import_from_c(handle.address)
            equal((result.schema, result.read_all().num_rows), (batch.schema, 0))
        run(own, "CREATE TABLE unfilled (i BIGINT)")
        statement.set_sql_query("INSERT INTO unfilled VALUES (?)")
        statement.prepare()
        statement.bind_stream(pa.RecordBatchReader.from_batches(batch.schema, []))
        equal((statement.execute_update(), value(own, "SELECT count(*) FROM unfilled")), (0, 0))


@case
def parameters_of_python_lists_uuids_and_intervals():
    day, number = datetime.timedelta(days=1), uuid.UUID(int=7)
    with connect() as own:
        equal(value(own, "SELECT ? + TIMESTAMP '2024-01-01'", (day,)), datetime.datetime(2024, 1, 2))
        equal(value(own, "SELECT ?::VARCHAR", (number,)), str(number))
        equal(value(own, "SELECT list_sum(?)::INTEGER", ([1, 2],)), 3)


@case
def parameters_of_many_bytes():
    with connect() as own:
        equal(value(own, "SELECT length(?)", ("x" * 10_000_000,)), 10_000_000)


@case
def parameters_by_number_and_repeated():
    with connect() as own:
        equal(rows(own, "SELECT $2 - $1, $2", (1, 10)), [(9, 10)])


@case
def parameters_in_where_limit_and_list():
    with connect() as own:
        equal(rows(own, "SELECT range FROM range(100) WHERE range >= ? LIMIT ?", (5, 2)), [(5,), (6,)])
        equal(value(own, "SELECT count(*) FROM range(10) WHERE range IN (?, ?)", (1, 2)), 2)


@case
def parameters_in_several_rows_answer_all():
    with connect() as own:
        batch = pa.record_batch({"n": pa.array([1, 2, 3], pa.int64())})
        equal(rows(own, "SELECT ? * 10", batch), [(10,), (20,), (30,)])


@case
def parameters_too_few_or_too_many_are_refused():
    with connect() as own:
        with raises("INVALID_ARGUMENT"):
            rows(own, "SELECT ?, ?", (1,))
        with raises("INVALID_ARGUMENT"):
            rows(own, "SELECT ?", (1, 2))
        equal(value(own, "SELECT 1"), 1)


@case
def parameters_of_a_wrong_type_are_refused():
    with connect() as own:
        with raises("INVALID_ARGUMENT", "abc"):
            rows(own, "SELECT ?::INTEGER", ("abc",))
