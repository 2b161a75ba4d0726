"""Metadata of tables and of the server."""
import pyarrow as pa

from .cases import adbc, arrow, case, connect, equal, raises, run

prepared = False


def objects(connection, depth, **filters):
    """The answer of get_objects as nested dictionaries by name."""
    found = connection.adbc_get_objects(depth=depth, **filters).read_all().to_pylist()

    def tables(schema):
        return {table["table_name"]: table for table in schema["db_schema_tables"] or []}

    return {
        catalog["catalog_name"]: {
            schema["db_schema_name"]: tables(schema) for schema in catalog["catalog_db_schemas"] or []
        }
        for catalog in found
    }


def tables_of(connection):
    """Tables of every kind, created by the first case that needs them."""
    global prepared
    if prepared:
        return
    prepared = True
    for sql in (
        "CREATE SCHEMA meta",
        "CREATE TABLE meta.parent (id INTEGER PRIMARY KEY, name VARCHAR UNIQUE)",
        """CREATE TABLE meta.child (a INTEGER NOT NULL, b DECIMAL(9, 2) DEFAULT 1.5, parent INTEGER,
           FOREIGN KEY (parent) REFERENCES meta.parent (id))""",
        "CREATE TABLE meta.a_b (x INTEGER)",
        "CREATE TABLE meta.axb (y VARCHAR)",
        'CREATE TABLE meta."Per%cent \'quoted\' \U0001f986" (z DATE)',
        "CREATE VIEW meta.seen AS SELECT a, b FROM meta.child",
        "COMMENT ON COLUMN meta.child.b IS 'the price'",
    ):
        run(connection, sql)


@case
def objects_catalogs():
    with connect() as own:
        equal(objects(own, "catalogs"), {"demo": {}, "second": {}})
        equal(objects(own, "catalogs", catalog_filter="sec%"), {"second": {}})
        equal(objects(own, "catalogs", catalog_filter="nothing"), {})


@case
def objects_depth_catalogs_leaves_the_rest_null():
    with connect() as own:
        found = own.adbc_get_objects(depth="catalogs").read_all().to_pylist()
        equal([each["catalog_db_schemas"] for each in found], [None, None])


@case
def objects_db_schemas():
    with connect() as own:
        tables_of(own)
        found = objects(own, "db_schemas")
        assert {"main", "meta"} <= set(found["demo"]) and set(found["second"]) == {"main", "extra"}, found
        equal(objects(own, "db_schemas", db_schema_filter="me__")["demo"], {"meta": {}})
        equal(objects(own, "db_schemas", catalog_filter="second", db_schema_filter="extra"), {"second": {"extra": {}}})


@case
def objects_tables():
    with connect() as own:
        tables_of(own)
        found = objects(own, "tables", catalog_filter="demo", db_schema_filter="meta")["demo"]["meta"]
        kinds = {name: table["table_type"] for name, table in found.items()}
        base = ["Per%cent 'quoted' \U0001f986", "a_b", "axb", "child", "parent"]
        equal(kinds, {**{name: "BASE TABLE" for name in base}, "seen": "VIEW"})
        assert all(not table["table_columns"] for table in found.values())


@case
def objects_tables_filtered():
    with connect() as own:
        tables_of(own)

        def named(**filters):
            found = objects(own, "tables", catalog_filter="demo", db_schema_filter="meta", **filters)
            return sorted(found["demo"]["meta"])

        equal(named(table_name_filter="ch%"), ["child"])
        equal(named(table_name_filter="a_b"), ["a_b", "axb"])
        equal(named(table_types_filter=["VIEW"]), ["seen"])
        both = named(table_types_filter=["VIEW", "BASE TABLE"], table_name_filter="%e%n%")
        equal(both, ["Per%cent 'quoted' \U0001f986", "parent", "seen"])
        equal(named(table_name_filter="nothing"), [])


@case
def objects_columns():
    with connect() as own:
        tables_of(own)
        found = objects(own, "columns", catalog_filter="demo", db_schema_filter="meta")["demo"]["meta"]
        columns = [
            (each["column_name"], each["ordinal_position"], each["xdbc_type_name"])
            for each in found["child"]["table_columns"]
        ]
        equal(columns, [("a", 1, "INTEGER"), ("b", 2, "DECIMAL(9,2)"), ("parent", 3, "INTEGER")])
        price = found["child"]["table_columns"][1]
        place = [price[f"xdbc_scope_{part}"] for part in ("catalog", "schema", "table")]
        equal(place, ["demo", "meta", "child"])
        equal((price["xdbc_is_autoincrement"], price["xdbc_sql_data_type"]), (False, 3))
        equal([each["column_name"] for each in found["seen"]["table_columns"]], ["a", "b"])


@case
def objects_columns_filtered():
    with connect() as own:
        tables_of(own)
        found = objects(own, "columns", catalog_filter="demo", db_schema_filter="meta", column_name_filter="par%")
        equal([column["column_name"] for column in found["demo"]["meta"]["child"]["table_columns"]], ["parent"])


@case
def objects_of_a_new_table():
    with connect() as own:
        tables_of(own)
        before = objects(own, "tables", catalog_filter="demo", table_name_filter="late")["demo"].get("meta", {})
        run(own, "CREATE TABLE meta.late (i INTEGER)")
        after = objects(own, "tables", catalog_filter="demo", table_name_filter="late")["demo"]["meta"]
        equal((list(before), list(after)), ([], ["late"]))
        run(own, "DROP TABLE meta.late")


@case
def table_schema_is_that_of_its_rows():
    with connect() as own:
        tables_of(own)
        for table in ("meta.parent", "meta.child", "meta.seen"):
            schema, name = table.split(".")
            told = own.adbc_get_table_schema(name, db_schema_filter=schema)
            read = arrow(own, f"SELECT * FROM {table}").schema
            equal([(f.name, f.type) for f in told], [(f.name, f.type) for f in read])


@case
def table_schema_of_another_catalog():
    with connect() as own:
        schema = own.adbc_get_table_schema("fixed", catalog_filter="second", db_schema_filter="main")
        equal(schema.names, ["i", "s"])


@case
def table_schema_with_odd_names():
    with connect() as own:
        tables_of(own)
        equal(own.adbc_get_table_schema("axb", db_schema_filter="meta").names, ["y"])
        equal(own.adbc_get_table_schema("Per%cent 'quoted' \U0001f986", db_schema_filter="meta").names, ["z"])


@case
def table_schema_of_a_missing_table():
    with connect() as own, raises("NOT_FOUND"):
        own.adbc_get_table_schema("nothing_there")


@case
def table_types():
    with connect() as own:
        assert {"BASE TABLE", "VIEW"} <= set(own.adbc_get_table_types())


@case
def info():
    with connect() as own:
        told = own.adbc_get_info()
        equal(told["vendor_name"], "flightgate")
        equal((told["driver_name"], told["driver_adbc_version"]), ("ADBC Flight SQL Driver - Go", 1001000))
        assert told["vendor_version"] and told["vendor_arrow_version"], told


@case
def info_of_sql_and_substrait():
    with connect() as own:
        handle = own.adbc_connection.get_info([3, 4])
        told = pa.RecordBatchReader._import_from_c(handle.address).read_all().to_pylist()
        equal({each["info_name"]: each["info_value"] for each in told}, {3: True, 4: False})


@case
def statistics_are_not_offered():
    with connect() as own:
        for ask in (own.adbc_get_statistics, own.adbc_get_statistic_names):
            try:
                ask().read_all()
            except adbc.NotSupportedError as error:
                equal(error.status_code.name, "NOT_IMPLEMENTED")
            else:
                raise AssertionError("no error")
