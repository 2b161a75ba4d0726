"""Options of sessions and statements."""
import json

from .cases import adbc, case, connect, details, equal, raises, rows, run, soon, value

ENDLESS = "SELECT count(*) FROM range(1000000000000000) a"


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
        with soon(), raises("TIMEOUT"):
            cursor.execute(ENDLESS).fetchall()
        equal(value(own, "SELECT 1"), 1)


@case
def update_timeout_ends_it():
    with connect() as own, own.cursor() as cursor:
        run(own, "CREATE TABLE timed_out (i BIGINT)")
        cursor.adbc_statement.set_options(**{"adbc.flight.sql.rpc.timeout_seconds.update": 0.5})
        with soon(), raises("TIMEOUT"):
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
    for _ in range(30):
        with connect() as own:
            equal(value(own, "SELECT 1"), 1)
