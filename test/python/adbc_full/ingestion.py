"""Bulk ingestion."""
import threading
import time

import pyarrow as pa
import pyarrow.compute

from .cases import adbc, arrow, cancelled, case, connect, details, equal, exists, ingest, raises, rows, run, soon, value

few = pa.table({"i": pa.array([1, 2, 3], pa.int32()), "s": ["a", None, "c"]})
wide = pa.table({"i": pa.array([7], pa.int64()), "d": [0.5], "b": [True]})


def million():
    for start in range(0, 1_000_000, 62_500):
        numbers = pa.array(range(start, start + 62_500), pa.int64())
        yield pa.record_batch([numbers, pa.compute.cast(numbers, pa.string())], ["i", "s"])


def million_reader():
    return pa.RecordBatchReader.from_batches(pa.schema([("i", pa.int64()), ("s", pa.string())]), million())


@case
def ingest_a_million_rows_and_append_as_many():
    with connect() as own:
        check = "SELECT count(*), count(DISTINCT i), sum(i)::BIGINT, count(*) FILTER (s != i::VARCHAR) FROM millions"
        equal(ingest(own, "millions", million_reader(), mode="create"), 1_000_000)
        equal(rows(own, check), [(1_000_000, 1_000_000, 499_999_500_000, 0)])
        equal(ingest(own, "millions", million_reader(), mode="append"), 1_000_000)
        equal(rows(own, check), [(2_000_000, 1_000_000, 999_999_000_000, 0)])


@case
def ingest_default_mode_creates():
    with connect() as own:
        equal(ingest(own, "by_default", few), 3)
        equal(arrow(own, "SELECT * FROM by_default").to_pylist(), few.to_pylist())
        with raises("ALREADY_EXISTS", "by_default"):
            ingest(own, "by_default", few)


@case
def ingest_failing_create_leaves_the_data():
    with connect() as own:
        ingest(own, "kept", few, mode="create")
        with raises("ALREADY_EXISTS"):
            ingest(own, "kept", wide, mode="create")
        equal(arrow(own, "SELECT * FROM kept"), few)


@case
def ingest_failing_create_of_many_rows_fails_fast():
    with connect() as own:
        ingest(own, "kept_too", few, mode="create")
        with soon(), raises("ALREADY_EXISTS"):
            ingest(own, "kept_too", million_reader(), mode="create")
        equal(value(own, "SELECT count(*) FROM kept_too"), 3)


@case
def ingest_append():
    with connect() as own:
        with raises("NOT_FOUND", "appended"):
            ingest(own, "appended", few, mode="append")
        assert not exists(own, "appended")
        run(own, "CREATE TABLE appended (i INTEGER, s VARCHAR)")
        equal(ingest(own, "appended", few, mode="append"), 3)
        equal(ingest(own, "appended", few.to_batches()[0], mode="append"), 3)
        equal(rows(own, "SELECT count(*), count(s) FROM appended"), [(6, 4)])


@case
def ingest_append_needs_fitting_columns():
    with connect() as own:
        ingest(own, "fitting", few, mode="create")
        for data in (wide, pa.table({"nope": [1]}), pa.table({"i": ["no number"], "s": ["x"]})):
            with raises("INVALID_ARGUMENT"):
                ingest(own, "fitting", data, mode="append")
        equal(arrow(own, "SELECT * FROM fitting"), few)


@case
def ingest_append_keeps_defaults_and_order():
    with connect() as own:
        run(own, "CREATE TABLE defaulted (n INTEGER DEFAULT 42, s VARCHAR, i INTEGER)")
        ingest(own, "defaulted", few, mode="append")
        equal(rows(own, "SELECT * FROM defaulted ORDER BY i"), [(42, "a", 1), (42, None, 2), (42, "c", 3)])


@case
def ingest_replace():
    with connect() as own:
        equal(ingest(own, "replaced_by", few, mode="replace"), 3)
        equal(ingest(own, "replaced_by", wide, mode="replace"), 1)
        equal(arrow(own, "SELECT * FROM replaced_by"), wide)


@case
def ingest_failing_replace_leaves_the_data():
    def broken():
        yield from few.to_batches()
        raise RuntimeError("the client's own trouble")

    with connect() as own:
        ingest(own, "unreplaced", wide, mode="create")
        try:
            ingest(own, "unreplaced", pa.RecordBatchReader.from_batches(few.schema, broken()), mode="replace")
        except Exception:
            pass
        equal(arrow(own, "SELECT * FROM unreplaced"), wide)


@case
def ingest_create_append():
    with connect() as own:
        equal(ingest(own, "created_appended", few, mode="create_append"), 3)
        equal(ingest(own, "created_appended", few, mode="create_append"), 3)
        equal(value(own, "SELECT count(*) FROM created_appended"), 6)


@case
def ingest_of_no_rows_makes_the_table():
    with connect() as own:
        # For a reader without batches the driver sends nothing at all.
        empty = pa.record_batch([pa.array([], field.type) for field in few.schema], schema=few.schema)
        equal(ingest(own, "empty", empty, mode="create"), 0)
        equal(arrow(own, "SELECT * FROM empty").schema, few.schema)
        equal(ingest(own, "empty", empty, mode="append"), 0)


@case
def ingest_with_odd_names():
    with connect() as own:
        name = 'a "quoted" \U0001f986; DROP TABLE x'
        data = pa.table({"Select": [1], 'with "quotes"': [2], "ü": [3], "a b": [4]})
        ingest(own, name, data, mode="create")
        quoted = name.replace('"', '""')
        equal(arrow(own, f'SELECT * FROM "{quoted}"'), data)


@case
def ingest_into_a_schema():
    with connect() as own:
        run(own, "CREATE SCHEMA taken_in")
        ingest(own, "few", few, mode="create", db_schema_name="taken_in", catalog_name="demo")
        equal(value(own, "SELECT count(*) FROM demo.taken_in.few"), 3)
        with raises("NOT_FOUND"):
            ingest(own, "few", few, mode="create", db_schema_name="no_such_schema")


@case
def ingest_into_the_current_schema():
    with connect() as own:
        run(own, "CREATE SCHEMA current_one")
        own.adbc_current_db_schema = "current_one"
        ingest(own, "lands", few, mode="create")
        equal(value(own, "SELECT count(*) FROM demo.current_one.lands"), 3)


@case
def ingest_where_nothing_may_be_written():
    with connect() as own, raises("UNAUTHORIZED", "second"):
        ingest(own, "few", few, mode="create", catalog_name="second")


@case
def ingest_into_a_view_is_refused():
    with connect() as own:
        run(own, "CREATE VIEW looked_at AS SELECT 1 AS i, 'x' AS s")
        for mode in ("append", "create_append"):
            with raises("INVALID_ARGUMENT"):
                ingest(own, "looked_at", few, mode=mode)


@case
def ingest_temporary_is_refused():
    with connect() as own, raises("NOT_IMPLEMENTED"):
        ingest(own, "passing", few, mode="create", temporary=True)


@case
def ingest_of_columns_of_one_name_is_refused():
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["i", "i"])
    with connect() as own, raises("INVALID_ARGUMENT"):
        ingest(own, "twice_named", twice, mode="create")


@case
def ingest_with_nulls_where_none_may_be():
    with connect() as own:
        run(own, "CREATE TABLE strict (i INTEGER, s VARCHAR NOT NULL)")
        with raises("INVALID_ARGUMENT", "NOT NULL"):
            ingest(own, "strict", few, mode="append")
        equal(value(own, "SELECT count(*) FROM strict"), 0)


@case
def ingest_and_query_in_turn():
    with connect() as own:
        for n in range(5):
            equal(ingest(own, "in_turn", few, mode="create_append"), 3)
            equal(value(own, "SELECT count(*) FROM in_turn"), 3 * (n + 1))


def together(table, mode):
    """Eight concurrent ingestions; returns how many succeeded, and the codes of the others' errors."""
    outcomes = []

    def work(n):
        try:
            with connect() as other:
                part = pa.table({"i": list(range(n * 10_000, (n + 1) * 10_000))})
                outcomes.append(ingest(other, table, part, mode=mode))
        except adbc.Error as error:
            outcomes.append(details(error).get("x-flightgate-error", error))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = outcomes.count(10_000)
    return done, [outcome for outcome in outcomes if outcome != 10_000]


@case
def ingest_appends_of_many_at_once():
    with connect() as own:
        run(own, "CREATE TABLE appended_together (i BIGINT)")
        equal(together("appended_together", "append"), (8, []))
        equal(rows(own, "SELECT count(*), count(DISTINCT i) FROM appended_together"), [(80_000, 80_000)])


@case
def ingest_creations_of_many_at_once():
    """An ingestion that loses the race for creating the table gets a retryable error, and stores nothing."""
    with connect() as own:
        done, problems = together("created_together", "create_append")
        equal(set(problems) - {b"CONFLICT"}, set())
        equal(value(own, "SELECT count(*) FROM created_together"), done * 10_000)
        assert done > 0


@case
def ingest_that_is_cancelled_leaves_nothing():
    def slowly():
        for _ in range(2000):
            time.sleep(0.05)
            yield pa.record_batch({"i": list(range(1000))})

    with connect() as own, own.cursor() as cursor:
        reader = pa.RecordBatchReader.from_batches(pa.schema([("i", pa.int64())]), slowly())
        cancelled(lambda: cursor.adbc_ingest("given_up", reader, mode="create"), cursor.adbc_cancel)
        assert not exists(own, "given_up")
        equal(ingest(own, "given_up", few, mode="create"), 3)
