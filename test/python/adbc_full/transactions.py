"""Transactions: autocommit off."""
import threading

import pyarrow as pa

from .cases import adbc, arrow, case, connect, details, equal, exists, ingest, raises, rows, run, value

few = pa.table({"i": [1, 2, 3]})
COUNT = "SELECT count(*) FROM {}"


def table(name, connection):
    run(connection, f"CREATE TABLE {name} (i INTEGER PRIMARY KEY)")
    return COUNT.format(name)


@case
def rolled_back_rows_are_gone():
    with connect() as outside, connect(autocommit=False) as inside:
        count = table("rolled_back", outside)
        run(inside, "INSERT INTO rolled_back VALUES (?)", (1,))
        equal((value(inside, count), value(outside, count)), (1, 0))
        inside.rollback()
        equal((value(inside, count), value(outside, count)), (0, 0))


@case
def committed_rows_are_there():
    with connect() as outside, connect(autocommit=False) as inside:
        count = table("committed", outside)
        run(inside, "INSERT INTO committed VALUES (1)")
        equal(value(outside, count), 0)
        inside.commit()
        equal((value(inside, count), value(outside, count)), (1, 1))


@case
def tables_made_inside_are_rolled_back_or_committed():
    with connect() as outside, connect(autocommit=False) as inside:
        run(inside, "CREATE TABLE made_inside (i INTEGER)")
        run(inside, "INSERT INTO made_inside VALUES (1)")
        equal((exists(inside, "made_inside"), exists(outside, "made_inside")), (True, False))
        inside.rollback()
        equal((exists(inside, "made_inside"), exists(outside, "made_inside")), (False, False))
        run(inside, "CREATE TABLE made_inside AS SELECT 5 AS i")
        inside.commit()
        equal(value(outside, "SELECT i FROM made_inside"), 5)


@case
def tables_dropped_and_altered_inside_come_back():
    with connect() as outside, connect(autocommit=False) as inside:
        count = table("dropped", outside)
        run(inside, "ALTER TABLE dropped ADD COLUMN s VARCHAR")
        equal(arrow(inside, "SELECT * FROM dropped").column_names, ["i", "s"])
        run(inside, "DROP TABLE dropped")
        equal(value(outside, count), 0)
        inside.rollback()
        equal(arrow(inside, "SELECT * FROM dropped").column_names, ["i"])


@case
def executemany_inside():
    with connect() as outside, connect(autocommit=False) as inside, inside.cursor() as cursor:
        count = table("many_inside", outside)
        cursor.executemany("INSERT INTO many_inside VALUES (?)", [(n,) for n in range(10)])
        equal((cursor.rowcount, value(inside, count), value(outside, count)), (10, 10, 0))
        inside.commit()
        equal(value(outside, count), 10)


@case
def statement_prepared_inside_ends_with_its_transaction():
    """As the protocol requires; the driver prepares again for a new cursor or another text."""
    with connect() as outside, connect(autocommit=False) as inside, inside.cursor() as cursor:
        count = table("prepared_across", outside)
        cursor.executemany("INSERT INTO prepared_across VALUES (?)", [(1,)])
        inside.commit()
        with raises("NOT_FOUND", "transaction is over"):
            cursor.executemany("INSERT INTO prepared_across VALUES (?)", [(2,)])
        for n in (3, 4):
            with inside.cursor() as fresh:
                fresh.executemany("INSERT INTO prepared_across VALUES (?)", [(n,)])
            inside.commit()
        equal(value(outside, count), 3)


@case
def ingestion_beside_a_transaction():
    """The driver does not send the transaction with an ingestion."""
    with connect() as outside, connect(autocommit=False) as inside:
        count = table("ingested_beside", outside)
        run(inside, "INSERT INTO ingested_beside VALUES (10)")
        equal(ingest(inside, "ingested_beside", few, mode="append"), 3)
        equal(value(outside, count), 3)
        inside.commit()
        equal(value(outside, count), 4)


@case
def failing_statement_leaves_the_connection_usable():
    with connect() as outside, connect(autocommit=False) as inside:
        table("failing", outside)
        run(inside, "INSERT INTO failing VALUES (1)")
        with raises("INVALID_ARGUMENT"):
            run(inside, "INSERT INTO failing VALUES (1)")
        inside.rollback()
        run(inside, "INSERT INTO failing VALUES (2)")
        inside.commit()
        equal(rows(outside, "SELECT i FROM failing"), [(2,)])


@case
def failing_text_keeps_what_was_done():
    """DuckDB ends a transaction after an execution error, not after a parse error."""
    with connect() as outside, connect(autocommit=False) as inside:
        count = table("mistyped", outside)
        run(inside, "INSERT INTO mistyped VALUES (1)")
        with raises("INVALID_ARGUMENT"):
            run(inside, "SELEC")
        inside.commit()
        equal(value(outside, count), 1)


@case
def closing_rolls_back():
    with connect() as outside:
        count = table("left_open", outside)
        with connect(autocommit=False) as inside:
            run(inside, "INSERT INTO left_open VALUES (1)")
        equal(value(outside, count), 0)


@case
def turning_autocommit_on_commits():
    with connect() as outside, connect(autocommit=False) as inside:
        count = table("turned_on", outside)
        run(inside, "INSERT INTO turned_on VALUES (1)")
        inside.adbc_connection.set_autocommit(True)
        equal(value(outside, count), 1)
        run(inside, "INSERT INTO turned_on VALUES (2)")
        equal(value(outside, count), 2)
        inside.adbc_connection.set_autocommit(False)
        run(inside, "INSERT INTO turned_on VALUES (3)")
        inside.rollback()
        equal(value(outside, count), 2)


@case
def commit_without_a_transaction_is_refused():
    with connect() as own:
        with raises("INVALID_STATE"):
            own.adbc_connection.commit()
        with raises("INVALID_STATE"):
            own.adbc_connection.rollback()


@case
def commit_and_rollback_of_nothing():
    with connect(autocommit=False) as inside:
        for end in (inside.commit, inside.rollback) * 2:
            end()
        equal(value(inside, "SELECT 1"), 1)


@case
def transaction_sees_one_state():
    with connect() as outside, connect(autocommit=False) as inside:
        count = table("one_state", outside)
        equal(value(inside, count), 0)
        run(outside, "INSERT INTO one_state VALUES (1)")
        equal(value(inside, count), 0)
        inside.commit()
        equal(value(inside, count), 1)


@case
def conflict_names_itself_and_one_wins():
    with connect() as outside, connect(autocommit=False) as first, connect(autocommit=False) as second:
        table("contended", outside)
        run(outside, "INSERT INTO contended VALUES (1)")
        run(first, "UPDATE contended SET i = 2")
        try:
            run(second, "UPDATE contended SET i = 3")
            second.commit()
        except adbc.Error as error:
            equal(details(error)["x-flightgate-error"], b"CONFLICT")
        else:
            raise AssertionError("no conflict")
        second.rollback()
        first.commit()
        equal(rows(outside, "SELECT i FROM contended"), [(2,)])
        run(second, "UPDATE contended SET i = 4")
        second.commit()
        equal(rows(outside, "SELECT i FROM contended"), [(4,)])


@case
def result_is_read_after_more_statements():
    with connect(autocommit=False) as inside, inside.cursor() as cursor:
        run(inside, "CREATE TABLE read_on AS SELECT range AS i FROM range(200000)")
        cursor.execute("SELECT i FROM read_on ORDER BY i")
        equal(cursor.fetchone(), (0,))
        run(inside, "DELETE FROM read_on WHERE i < 1000")
        equal(len(cursor.fetchall()), 199_999)
        inside.rollback()


@case
def sql_of_transactions_is_refused():
    with connect() as own:
        for sql in ("BEGIN TRANSACTION", "COMMIT", "ROLLBACK"):
            with raises("INVALID_ARGUMENT"):
                run(own, sql)


@case
def many_transactions_at_once():
    with connect() as outside:
        count = table("crowded", outside)
        problems = []

        def work(n):
            try:
                with connect(autocommit=False) as inside:
                    for each in range(5):
                        run(inside, "INSERT INTO crowded VALUES (?)", (n * 10 + each,))
                        inside.rollback() if each % 2 else inside.commit()
            except Exception as problem:
                problems.append(problem)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal((problems, value(outside, count)), ([], 24))
