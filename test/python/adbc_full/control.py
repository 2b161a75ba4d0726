"""Cancelling, incremental execution, errors, options of sessions and statements."""
import json
import threading
import time

from .common import adbc, case, connect, details, equal, raises, rows, run, value, within

ENDLESS = "SELECT count(*) FROM range(100000000000) a"
ENDLESS_ROWS = "SELECT range FROM range(100000000000)"


def cancelled(work, cancel, after=0.5):
    """Does `work`, cancels it meanwhile; expects that it ends soon and says why."""
    timer = threading.Timer(after, cancel)
    timer.start()
    try:
        with within(after + 5), raises("CANCELLED"):
            work()
    finally:
        timer.join()


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

        def read_on():
            while True:
                cursor.fetchmany(100_000)

        cancelled(read_on, cursor.adbc_cancel)
        equal(value(own, "SELECT 1"), 1)


@case
def cancel_an_update():
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE never_filled (i BIGINT)")
        slow = "INSERT INTO never_filled SELECT count(*) FROM range(100000000000)"
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
        with within(5):
            cursor.close()
        equal(value(own, "SELECT 1"), 1)


@case
def close_the_connection_with_an_unread_result():
    own = connect()
    cursor = own.cursor()
    cursor.execute(ENDLESS_ROWS)
    cursor.fetchone()
    with within(5):
        cursor.close()
        own.close()


def incrementally(cursor, sql):
    """Executes incrementally; the progress seen at each step, and the partitions."""
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
    """The driver asks on and on until there are partitions: the progress is seen beside that."""
    seen, done = [], threading.Event()
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE slow AS SELECT range AS i FROM range(10000000)")

        def watch():
            while not done.wait(0.02):
                seen.append(cursor.adbc_statement.get_option_float("adbc.statement.exec.progress"))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            _, partitions = incrementally(cursor, "SELECT count(md5(md5(md5(i::VARCHAR)))) AS n FROM slow")
        finally:
            done.set()
            watcher.join()
        parts = sorted({part for part in seen if 0 < part < 1})
        assert parts, f"progress seen: {sorted(set(seen))}"
        equal(read(cursor, partitions), [(10_000_000,)])


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
            # The driver has no status for what fails while a partition is read.
            assert "late" in str(error) and error.status_code.name in ("INVALID_ARGUMENT", "UNKNOWN"), error
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
        equal(str(schema), "i: int64")
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


def failure(connection, sql, parameters=None):
    try:
        rows(connection, sql, parameters)
    except adbc.Error as error:
        return error
    raise AssertionError("no error")


@case
def error_tells_status_position_and_details():
    with connect() as own:
        error = failure(own, "SELECT 1,\n       nope\nFROM range(3)")
        equal(error.status_code.name, "INVALID_ARGUMENT")
        assert isinstance(error, adbc.ProgrammingError) and "nope" in str(error) and "LINE 2" in str(error), error
        told = details(error)
        equal((told["x-flightgate-error"], told["x-flightgate-sql-position"]), (b"BAD_SQL", b"2:8"))
        assert told["x-request-id"] and told["grpc-status-details-bin"], told


@case
def error_statuses():
    expected = {
        "SELEC 1": "INVALID_ARGUMENT",
        "SELECT * FROM no_such_table": "NOT_FOUND",
        "SELECT no_such_function(1)": "INVALID_ARGUMENT",
        "SELECT * FROM no_such_schema.t": "NOT_FOUND",
        "SELECT 'x'::INTEGER": "INVALID_ARGUMENT",
        "SELECT error('mine')": "INVALID_ARGUMENT",
        "SELECT 9223372036854775807 + 1::BIGINT": "INVALID_ARGUMENT",
        "SELECT * FROM read_csv('/etc/hostname')": "UNAUTHORIZED",
        "COPY (SELECT 1) TO '/nowhere/x'": "UNAUTHORIZED",
        "SET threads = 1": "UNAUTHORIZED",
        "ATTACH ':memory:' AS another": "UNAUTHORIZED",
        "INSERT INTO second.main.fixed VALUES (1, 'x')": "NOT_FOUND",
    }
    with connect() as own:
        seen = {sql: failure(own, sql).status_code.name for sql in expected}
        equal({sql: status for sql, status in seen.items() if status != expected[sql]}, {})


@case
def error_of_an_update_has_details():
    with connect() as own, own.cursor() as cursor:
        try:
            cursor.executemany("INSERT INTO no_such_table VALUES (1)", None)
        except adbc.Error as error:
            equal(error.status_code.name, "NOT_FOUND")
            assert details(error)["x-flightgate-error"]


@case
def current_catalog_is_read_and_set():
    with connect() as own:
        equal(own.adbc_current_catalog, "demo")
        own.adbc_current_catalog = "second"
        equal(own.adbc_current_catalog, "second")
        equal(rows(own, "SELECT i, s FROM fixed WHERE i = 1"), [(1, "a")])
        own.adbc_current_catalog = "demo"
        with raises("NOT_FOUND"):
            rows(own, "SELECT * FROM fixed")


@case
def current_schema_is_read_and_set():
    with connect() as own:
        equal(own.adbc_current_db_schema, "main")
        run(own, "CREATE SCHEMA chosen")
        own.adbc_current_db_schema = "chosen"
        equal(own.adbc_current_db_schema, "chosen")
        run(own, "CREATE TABLE here AS SELECT 42 AS answer")
        equal(value(own, "SELECT answer FROM demo.chosen.here"), 42)
        equal(value(own, "SELECT current_schema()"), "chosen")
        with connect() as other:
            equal(other.adbc_current_db_schema, "main")


@case
def current_schema_holds_inside_a_transaction():
    with connect(autocommit=False) as own:
        run(own, "CREATE SCHEMA chosen_inside")
        own.commit()
        own.adbc_current_db_schema = "chosen_inside"
        run(own, "CREATE TABLE there AS SELECT 1 AS one")
        equal(value(own, "SELECT one FROM chosen_inside.there"), 1)
        own.rollback()
        equal(own.adbc_current_db_schema, "chosen_inside")


@case
def views_of_duckdb_itself_answer_or_are_refused():
    with connect() as own:
        wrong = {}
        names = ("tables", "columns", "functions", "settings", "secrets", "extensions", "databases", "memory")
        # Twice: what fails once may leave the engine in another state.
        for name in names * 2:
            try:
                rows(own, f"SELECT count(*) FROM duckdb_{name}()")
            except adbc.Error as error:
                if error.status_code.name != "UNAUTHORIZED":
                    wrong[name] = str(error)
        equal(wrong, {})


@case
def temporary_tables_do_not_reach_others():
    """Connections of the engine are shared by all callers."""
    with connect() as own, connect() as other:
        try:
            run(own, "CREATE TEMP TABLE hidden AS SELECT 1 AS i")
        except adbc.Error:
            return
        for _ in range(50):
            error = failure(other, "SELECT * FROM hidden")
            equal(error.status_code.name, "NOT_FOUND")


@case
def current_names_that_do_not_exist_are_refused():
    with connect() as own:
        taken = []
        for option in ("catalog", "db_schema"):
            try:
                own.adbc_connection.set_options(**{f"adbc.connection.{option}": "no_such_name"})
                taken.append(option)
            except adbc.Error as error:
                assert error.status_code.name in ("NOT_FOUND", "INVALID_ARGUMENT"), error
        equal(taken, [])
        equal((own.adbc_current_catalog, own.adbc_current_db_schema), ("demo", "main"))


@case
def session_options_are_listed_and_erased():
    with connect() as own:
        options = json.loads(own.adbc_connection.get_option("adbc.flight.sql.session.options"))
        equal((options["catalog"], options["schema"]), ("demo", "main"))
        own.adbc_connection.set_options(**{"adbc.flight.sql.session.option.schema": "information_schema"})
        equal(own.adbc_current_db_schema, "information_schema")
        own.adbc_connection.set_options(**{"adbc.flight.sql.session.optionerase.schema": ""})
        equal(own.adbc_current_db_schema, "main")
        with raises("INVALID_ARGUMENT"):
            own.adbc_connection.set_options(**{"adbc.flight.sql.session.option.no_such_option": "1"})


@case
def statement_timeout_ends_it():
    with connect() as own, own.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.flight.sql.rpc.timeout_seconds.fetch": 0.5})
        with within(5), raises("TIMEOUT"):
            cursor.execute(ENDLESS).fetchall()
        equal(value(own, "SELECT 1"), 1)


@case
def update_timeout_ends_it():
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE timed_out (i BIGINT)")
        cursor.adbc_statement.set_options(**{"adbc.flight.sql.rpc.timeout_seconds.update": 0.5})
        with within(5), raises("TIMEOUT"):
            cursor.executemany(f"INSERT INTO timed_out {ENDLESS}", None)
        equal(value(own, "SELECT count(*) FROM timed_out"), 0)


@case
def header_of_a_statement_arrives():
    with connect() as own, own.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.flight.sql.rpc.call_header.x-request-id": "seen-in-the-error"})
        try:
            cursor.execute("SELEC")
        except adbc.Error as error:
            equal(details(error)["x-request-id"], b"seen-in-the-error")


@case
def many_connections_come_and_go():
    started = time.monotonic()
    for _ in range(30):
        with connect() as own:
            equal(value(own, "SELECT 1"), 1)
    assert time.monotonic() - started < 20
