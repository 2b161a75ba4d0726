"""Cancelling, incremental execution, partitions."""
import threading

from .cases import adbc, cancelled, case, connect, equal, raises, rows, run, soon, value

ENDLESS = "SELECT count(*) FROM range(1000000000000000) a"
# Long rows, so that the driver has prefetched few of them when it is cancelled.
ENDLESS_ROWS = "SELECT range, repeat('x', 1000) AS s FROM range(100000000000)"


@case
def cancel_while_executing():
    with connect() as own, own.cursor() as cursor:
        cancelled(lambda: cursor.execute(ENDLESS).fetchall(), cursor.adbc_cancel)
        equal(rows(own, "SELECT 1"), [(1,)])
        equal(cursor.execute("SELECT 2").fetchall(), [(2,)])


@case
def cancel_while_fetching():
    with connect() as own, own.cursor() as cursor:
        cursor.execute(ENDLESS_ROWS)
        timer = threading.Timer(0.5, cursor.adbc_cancel)
        timer.start()
        with soon(), raises("CANCELLED"):
            while True:
                cursor.fetchmany(1000)
        timer.join()
        equal(value(own, "SELECT 1"), 1)


@case
def cancel_an_update():
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE never_filled (i BIGINT)")
        slow = f"INSERT INTO never_filled {ENDLESS}"
        cancelled(lambda: cursor.executemany(slow, None), cursor.adbc_cancel)
        equal(value(own, "SELECT count(*) FROM never_filled"), 0)


@case
def cancel_inside_a_transaction():
    with connect(autocommit=False) as own, own.cursor() as cursor:
        run(own, "CREATE TABLE before_cancel (i INTEGER)")
        cancelled(lambda: cursor.execute(ENDLESS).fetchall(), cursor.adbc_cancel)
        own.rollback()
        equal(value(own, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'before_cancel'"), 0)


@case
def cancel_of_nothing_is_harmless():
    with connect() as own, own.cursor() as cursor:
        try:
            cursor.adbc_cancel()
        except adbc.Error as error:
            assert error.status_code.name in ("INVALID_STATE", "NOT_IMPLEMENTED"), error
        equal(value(own, "SELECT 1"), 1)


@case
def close_with_an_unread_result():
    with connect() as own:
        cursor = own.cursor()
        cursor.execute(ENDLESS_ROWS)
        cursor.fetchone()
        with soon():
            cursor.close()
        equal(value(own, "SELECT 1"), 1)


@case
def close_the_connection_with_an_unread_result():
    own = connect()
    cursor = own.cursor()
    cursor.execute(ENDLESS_ROWS)
    cursor.fetchone()
    with soon():
        cursor.close()
        own.close()


def incrementally(cursor, sql):
    """Executes incrementally; returns the progress of each step, and the partitions."""
    statement = cursor.adbc_statement
    statement.set_options(**{"adbc.statement.exec.incremental": "true"})
    statement.set_sql_query(sql)
    progress, found = [], []
    while True:
        partitions, _, _ = statement.execute_partitions()
        progress.append(statement.get_option_float("adbc.statement.exec.progress"))
        if not partitions:
            return progress, found
        found += partitions


def read(cursor, partitions):
    result = []
    for partition in partitions:
        cursor.adbc_read_partition(partition)
        result += cursor.fetchall()
    return result


@case
def incremental_reports_progress():
    """The driver polls until there are partitions; the test reads the progress in parallel, and ends the statement when it has seen some."""
    seen, done = [], threading.Event()
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE slow AS SELECT range AS i FROM range(10000000)")

        def watch():
            while not done.wait(0.02):
                seen.append(cursor.adbc_statement.get_option_float("adbc.statement.exec.progress"))
                if 0 < seen[-1] < 1:
                    return cursor.adbc_cancel()

        hashed = "i::VARCHAR"
        # It takes a minute.
        for _ in range(60):
            hashed = f"md5({hashed})"
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            with raises("CANCELLED"):
                incrementally(cursor, f"SELECT count({hashed}) AS n FROM slow")
        finally:
            done.set()
            watcher.join()
        parts = sorted({part for part in seen if 0 < part < 1})
        assert parts, f"progress seen: {sorted(set(seen))}"


@case
def incremental_of_a_quick_query():
    with connect() as own, own.cursor() as cursor:
        _, partitions = incrementally(cursor, "SELECT range FROM range(3)")
        equal(read(cursor, partitions), [(0,), (1,), (2,)])


@case
def incremental_of_a_wrong_query():
    with connect() as own, own.cursor() as cursor:
        with raises("INVALID_ARGUMENT", "SELEC"):
            incrementally(cursor, "SELEC 1")


@case
def incremental_of_a_query_that_fails_late():
    with connect() as own, own.cursor() as cursor:
        sql = "SELECT CASE WHEN range > 500000 THEN error('late') ELSE range::VARCHAR END FROM range(1000000)"
        try:
            _, partitions = incrementally(cursor, sql)
            read(cursor, partitions)
        except adbc.Error as error:
            # The driver has no status for an error while it reads a partition, and a DuckDB thread that was
            # interrupted because of the error may report first.
            assert "late" in str(error) or "stopped the statement without giving a reason" in str(error), error
        else:
            raise AssertionError("no error")
        equal(value(own, "SELECT 1"), 1)


@case
def incremental_can_be_cancelled():
    with connect() as own, own.cursor() as cursor:
        cancelled(lambda: incrementally(cursor, ENDLESS), cursor.adbc_cancel)
        equal(value(own, "SELECT 1"), 1)


@case
def partitions_are_read_by_another_connection():
    with connect() as own, connect() as other, own.cursor() as cursor, other.cursor() as reader:
        partitions, schema = cursor.adbc_execute_partitions("SELECT range AS i FROM range(1000)")
        equal(schema.to_string(show_field_metadata=False), "i: int64")
        equal(read(reader, partitions), [(n,) for n in range(1000)])


@case
def partitions_that_are_damaged_answer_nothing_else():
    with connect() as own, own.cursor() as cursor:
        (partition,), _ = cursor.adbc_execute_partitions("SELECT 1")
        refused = 0
        for at in range(0, len(partition), 7):
            damaged = bytes(byte ^ (0x55 if n == at else 0) for n, byte in enumerate(partition))
            try:
                equal(read(cursor, [damaged]), [(1,)])
            except adbc.Error:
                refused += 1
        assert refused > 5, refused
        equal(read(cursor, [partition]), [(1,)])
