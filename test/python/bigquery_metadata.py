"""Requests the metadata of a BigQuery source with ADBC and pyarrow: bigquery_metadata.py URI."""
import sys

import pyarrow.flight as flight
from commands import packed
from steps import connect, report, step

connection = connect(sys.argv[1])
client = flight.connect(sys.argv[1])


def ask(name):
    options = flight.FlightCallOptions(headers=[(b"x-flightgate-source", b"warehouse")])
    info = client.get_flight_info(flight.FlightDescriptor.for_command(packed(name, b"")), options)
    return client.do_get(info.endpoints[0].ticket, options).read_all().to_pylist()


def objects(depth, **filters):
    found = []
    for catalog in connection.adbc_get_objects(depth=depth, **filters).read_all().to_pylist():
        for schema in catalog["catalog_db_schemas"] or []:
            name = f'{catalog["catalog_name"]}.{schema["db_schema_name"]}'
            if depth == "db_schemas":
                found.append(name)
            for table in schema["db_schema_tables"] or []:
                columns = [f'{column["column_name"]} {column["xdbc_type_name"]}' for column in table["table_columns"] or []]
                found.append(" ".join([f'{name}.{table["table_name"]}', table["table_type"], *columns]))
    return found


@step
def schemas():
    return objects("db_schemas")


@step
def tables():
    return objects("tables", catalog_filter="test-project")


@step
def views():
    return objects("tables", table_types_filter=["VIEW"])


@step
def columns():
    return objects("columns", catalog_filter="test-project", db_schema_filter="shop", table_name_filter="order%")


@step
def table_types():
    return sorted(connection.adbc_get_table_types())


@step
def table_schema():
    schema = connection.adbc_get_table_schema("orders", catalog_filter="test-project", db_schema_filter="shop")
    return [[field.name, str(field.type), field.nullable] for field in schema]


@step
def types():
    return [f'{row["type_name"]} {row["data_type"]}' for row in ask("CommandGetXdbcTypeInfo")]


@step
def sql_info():
    values = {row["info_name"]: row["value"] for row in ask("CommandGetSqlInfo")}
    # Quote of names, order of NULL, escape in LIKE, term of schemas.
    return [values[504], values[507], values[523], values[529]]


report()
