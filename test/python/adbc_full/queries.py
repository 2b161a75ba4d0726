"""Queries, changes, prepared statements."""
import datetime
import threading

import pyarrow as pa
import pyarrow.compute

from .cases import arrow, case, connect, equal, exists, raises, rows, run, soon, value


@case
def execute_describes_and_fetches():
    with connect() as own, own.cursor() as cursor:
        cursor.execute("SELECT range AS i, 'x' || range AS s FROM range(5)")
        equal([column[0] for column in cursor.description], ["i", "s"])
        equal(cursor.fetchone(), (0, "x0"))
        equal(cursor.fetchmany(2), [(1, "x1"), (2, "x2")])
        equal(cursor.fetchall(), [(3, "x3"), (4, "x4")])
        equal(cursor.fetchone(), None)


@case
def execute_of_no_rows_has_columns():
    with connect() as own:
        equal(arrow(own, "SELECT 1 AS i, 'x' AS s WHERE false").schema.to_string(show_field_metadata=False), "i: int32\ns: string")


@case
def executemany_inserts_rows_of_every_kind():
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE many (i INTEGER, s VARCHAR)")
        cursor.executemany("INSERT INTO many VALUES (?, ?)", [(i, f"v{i}") for i in range(100)])
        equal(cursor.rowcount, 100)
        table = pa.table({"i": list(range(100, 200)), "s": ["t"] * 100})
        cursor.executemany("INSERT INTO many VALUES (?, ?)", table)
        reader = pa.RecordBatchReader.from_batches(table.schema, iter(table.to_batches(max_chunksize=7)))
        cursor.executemany("INSERT INTO many VALUES (?, ?)", reader)
        equal(cursor.rowcount, 100)
        cursor.executemany("INSERT INTO many VALUES (?, ?)", [])
        equal(rows(own, "SELECT count(*), count(DISTINCT i), sum(i)::BIGINT FROM many"), [(300, 200, 34850)])


@case
def executemany_updates_and_deletes():
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE changed AS SELECT range AS i FROM range(10)")
        cursor.executemany("UPDATE changed SET i = i + 100 WHERE i = ?", [(1,), (2,), (50,)])
        equal(cursor.rowcount, 2)
        cursor.executemany("DELETE FROM changed WHERE i >= ?", [(100,), (9,)])
        equal(cursor.rowcount, 3)
        equal(value(own, "SELECT count(*) FROM changed"), 7)


@case
def executemany_is_all_or_nothing():
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE whole (i INTEGER PRIMARY KEY)")
        with raises("INVALID_ARGUMENT", "onstraint"):
            cursor.executemany("INSERT INTO whole VALUES (?)", [(1,), (2,), (1,)])
        equal(value(own, "SELECT count(*) FROM whole"), 0)


@case
def executemany_without_parameters_runs_once():
    with connect() as own, own.cursor() as cursor:
        cursor.executemany("CREATE TABLE made_once (i INTEGER)", None)
        assert exists(own, "made_once")


@case
def prepared_statement_runs_again():
    with connect() as own, own.cursor() as cursor:
        asked = cursor.adbc_prepare("SELECT ?::INTEGER + 1, ?::VARCHAR")
        equal([str(field.type) for field in asked], ["int32", "string"])
        for n in range(3):
            cursor.execute("SELECT ?::INTEGER + 1, ?::VARCHAR", (n, "x"))
            equal(cursor.fetchall(), [(n + 1, "x")])


@case
def prepared_statement_sees_a_changed_table():
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE altered (i INTEGER)")
        run(own, "INSERT INTO altered VALUES (1)")
        cursor.adbc_prepare("SELECT * FROM altered WHERE i >= ?")
        cursor.execute("SELECT * FROM altered WHERE i >= ?", (0,))
        equal(cursor.fetchall(), [(1,)])
        run(own, "ALTER TABLE altered ADD COLUMN s VARCHAR DEFAULT 'new'")
        cursor.execute("SELECT * FROM altered WHERE i >= ?", (0,))
        equal(cursor.fetchall(), [(1, "new")])


@case
def execute_schema_does_not_execute():
    with connect() as own, own.cursor() as cursor:
        slow = "SELECT max(md5(range::VARCHAR)) AS s, 1.5::DECIMAL(4, 1) AS d FROM range(100000000000)"
        with soon():
            equal(cursor.adbc_execute_schema(slow).to_string(show_field_metadata=False), "s: string\nd: decimal128(4, 1)")


@case
def sequence_is_read_by_a_query():
    with connect() as own:
        run(own, "CREATE SEQUENCE advanced")
        equal([value(own, "SELECT nextval('advanced')") for _ in range(2)], [1, 2])


@case
def execute_runs_a_change_once_and_returns_its_rows():
    with connect() as own:
        run(own, "CREATE TABLE returned (i INTEGER, d DATE DEFAULT DATE '2024-01-01')")
        equal(rows(own, "INSERT INTO returned (i) VALUES (7) RETURNING *"), [(7, datetime.date(2024, 1, 1))])
        equal(value(own, "SELECT count(*) FROM returned"), 1)


@case
def unprepared_change_runs_once_and_returns_its_rows():
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE returned_plain (i INTEGER)")
        cursor.adbc_statement.set_sql_query("INSERT INTO returned_plain VALUES (7) RETURNING i + 1 AS n")
        handle, _ = cursor.adbc_statement.execute_query()
        equal(pa.RecordBatchReader._import_from_c(handle.address).read_all().to_pylist(), [{"n": 8}])
        equal(value(own, "SELECT count(*) FROM returned_plain"), 1)


@case
def execute_runs_a_prepared_change_once_and_returns_its_rows():
    with connect() as own:
        run(own, "CREATE TABLE returned_prepared (i INTEGER, s VARCHAR DEFAULT 'x')")
        batch = pa.record_batch({"i": pa.array([1, 2], pa.int32())})
        equal(rows(own, "INSERT INTO returned_prepared (i) VALUES (?) RETURNING *", batch), [(1, "x"), (2, "x")])
        equal(value(own, "SELECT count(*) FROM returned_prepared"), 2)


@case
def script_runs_each_statement():
    with connect() as own, own.cursor() as cursor:
        cursor.executescript("CREATE TABLE scripted (i INTEGER)")
        cursor.executescript("INSERT INTO scripted VALUES (1)")
        equal(value(own, "SELECT count(*) FROM scripted"), 1)


@case
def several_statements_in_one_text_are_refused():
    with connect() as own:
        with raises("INVALID_ARGUMENT"):
            rows(own, "SELECT 1; SELECT 2")
        with raises("INVALID_ARGUMENT"):
            run(own, "CREATE TABLE half_done (i INTEGER); SELEC")
        assert not exists(own, "half_done")


@case
def text_without_a_statement_is_refused():
    with connect() as own:
        for text in ("-- nothing", " ;", "/* */"):
            with raises("INVALID_ARGUMENT"):
                rows(own, text)


@case
def large_result_streams():
    with connect() as own, own.cursor() as cursor:
        cursor.execute("SELECT range AS i, 'some text ' || range AS s FROM range(1000000)")
        total = count = 0
        for batch in cursor.fetch_record_batch():
            count += batch.num_rows
            total += pa.compute.sum(batch["i"]).as_py()
        equal((count, total), (1_000_000, 499_999_500_000))


@case
def cursors_of_one_connection_interleave():
    with connect() as own, own.cursor() as first, own.cursor() as second:
        first.execute("SELECT range FROM range(200000)")
        second.execute("SELECT -range FROM range(200000)")
        for n in range(100_000):
            equal((first.fetchone(), second.fetchone()), ((n,), (-n,)))


@case
def threads_share_a_connection():
    with connect() as own:
        seen = [None] * 8

        def work(n):
            seen[n] = [value(own, "SELECT ? + 1", (n * 100 + each,)) for each in range(20)]

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(seen, [[n * 100 + each + 1 for each in range(20)] for n in range(8)])
