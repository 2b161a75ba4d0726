"""Requests metadata with the ADBC Flight SQL driver; prints the result of each request."""
import json
import sys
import warnings

import adbc_driver_flightsql.dbapi as adbc

warnings.simplefilter("ignore")


def names(objects):
    """Flattens get_objects to catalog.schema.table(columns)."""
    out = []
    for catalog in objects:
        for schema in catalog["catalog_db_schemas"] or [None]:
            if schema is None:
                out.append(catalog["catalog_name"])
                continue
            prefix = f'{catalog["catalog_name"]}.{schema["db_schema_name"]}'
            for table in schema["db_schema_tables"] or [None]:
                if table is None:
                    out.append(prefix)
                    continue
                columns = [f'{c["column_name"]} {c["xdbc_type_name"]}' for c in table["table_columns"] or []]
                out.append(f'{prefix}.{table["table_name"]} {table["table_type"]} ({", ".join(columns)})')
    return out


with adbc.connect(sys.argv[1], autocommit=True) as connection:
    results = {
        depth: names(connection.adbc_get_objects(depth=depth).read_all().to_pylist())
        for depth in ("catalogs", "db_schemas", "tables", "columns")
    }
    filtered = connection.adbc_get_objects(depth="tables", table_name_filter="ch%", db_schema_filter="main")
    results["filtered"] = names(filtered.read_all().to_pylist())
    views = connection.adbc_get_objects(depth="tables", table_types_filter=["VIEW"])
    results["views"] = [name for name in names(views.read_all().to_pylist()) if "VIEW" in name]
    results["table types"] = connection.adbc_get_table_types()
    schema = connection.adbc_get_table_schema("child", catalog_filter="demo", db_schema_filter="main")
    results["table schema"] = [[field.name, str(field.type), field.nullable] for field in schema]
    results["info"] = connection.adbc_get_info()
print(json.dumps(results))
