"""Reads through a source in front of ROAPI, with pyarrow and ADBC; prints one JSON object, an entry for each step.

roapi.py URI
"""
import sys

import pyarrow.flight as flight

from steps import connect, read, report, step

uri = sys.argv[1]
client = flight.connect(uri)


@step
def pyarrow_rows():
    return read(client, "SELECT * FROM goods ORDER BY id").to_pylist()


@step
def pyarrow_types():
    return {field.name: str(field.type) for field in read(client, "SELECT * FROM goods").schema}


@step
def pyarrow_large():
    table = read(client, "SELECT * FROM generate_series(1, 300000) AS t(i)")
    return [table.num_rows, sum(table.column(0).to_pylist())]


@step
def pyarrow_no_rows():
    return read(client, "SELECT * FROM goods WHERE 1 = 0").num_rows


@step
def pyarrow_unknown_table():
    read(client, "SELECT * FROM missing")


@step
def pyarrow_bad_sql():
    read(client, "SELEC")


@step
def adbc_rows():
    with connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM goods WHERE price > 2")
        return cursor.fetchall()


@step
def adbc_objects():
    with connect(uri) as connection:
        objects = connection.adbc_get_objects(depth="columns").read_all().to_pylist()
        return [
            f'{entry["catalog_name"]}.{schema["db_schema_name"]}.{table["table_name"]}.{column["column_name"]}'
            for entry in objects
            for schema in entry["catalog_db_schemas"]
            for table in schema["db_schema_tables"]
            for column in table["table_columns"]
        ]


@step
def adbc_table_schema():
    with connect(uri) as connection:
        return {field.name: str(field.type) for field in connection.adbc_get_table_schema("goods")}


@step
def adbc_table_types():
    with connect(uri) as connection:
        return connection.adbc_get_table_types()


@step
def adbc_unknown_column():
    with connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM goods")


@step
def adbc_division_by_zero():
    with connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 / (id - id) FROM goods")
        cursor.fetchall()


@step
def adbc_parameters():
    with connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM goods WHERE id = $1", (2,))
        return cursor.fetchall()


report()
