"""Errors and their details, and refused statements."""
from .cases import adbc, case, connect, details, equal, rows, run


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
        # The names choose the source, which is read-only.
        "INSERT INTO second.main.fixed VALUES (1, 'x')": "UNAUTHORIZED",
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
def views_of_duckdb_itself_answer_or_are_refused():
    with connect() as own:
        wrong = {}
        names = ("tables", "columns", "functions", "settings", "secrets", "extensions", "databases", "memory")
        # Twice: the first failure may change the state of the engine.
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
