"""Reads the columns of all tables while views are broken and other tables are created and dropped; prints the results."""
import json
import sys
import threading

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pyarrow.flight as flight
from commands import packed

uri = sys.argv[1]
client = flight.connect(uri)
connection = adbc.connect(uri, autocommit=True)
cursor = connection.cursor()


def run(sql, over=cursor):
    over.execute(sql)
    return over.fetchall() if over.description else None


def tables():
    """The schema of each table, by GetTables with include_schema."""
    info = client.get_flight_info(flight.FlightDescriptor.for_command(packed("CommandGetTables", b"\x28\x01")))
    rows = client.do_get(info.endpoints[0].ticket).read_all().to_pylist()
    return {row["table_name"]: pa.ipc.read_schema(pa.py_buffer(row["table_schema"])) for row in rows}


def columns():
    found = connection.adbc_get_objects(depth="columns").read_all().to_pylist()
    return {
        table["table_name"]: [column["column_name"] for column in table["table_columns"]]
        for catalog in found
        for schema in catalog["catalog_db_schemas"]
        for table in schema["db_schema_tables"]
    }


results = {}
result = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT * FROM every_type")).schema
described = tables()["every_type"]
results["types unlike the result's"] = [
    f"{field.name}: {described.field(field.name).type} for {field.type}"
    for field in result
    if described.field(field.name).type != field.type
]
results["columns of every type"] = [described.names == result.names, len(result)]
facts = described.field("dec_9_4").metadata
results["metadata"] = {key.decode().rpartition(":")[2]: value.decode() for key, value in sorted(facts.items())}

run("CREATE TABLE base (i INTEGER, s VARCHAR)")
run("CREATE VIEW broken AS SELECT * FROM base")
run("CREATE VIEW good AS SELECT i FROM every_type_view")
run("DROP TABLE base")
results["beside a broken view"] = {name: names for name, names in columns().items() if name != "every_type"}

stop = threading.Event()


def change():
    with adbc.connect(uri, autocommit=True) as other, other.cursor() as over:
        turn = 0
        while not stop.is_set():
            turn += 1
            run(f"CREATE OR REPLACE TABLE flips AS SELECT {turn if turn % 2 else repr('x')} AS v, {turn} AS w", over)
            run(f"CREATE TABLE short{turn % 7} (a INTEGER, b VARCHAR)", over)
            run(f"DROP TABLE short{turn % 7}", over)


changer = threading.Thread(target=change)
changer.start()
wrong = []
for _ in range(40):
    seen = columns()
    if seen["good"] != ["i"] or seen.get("flips", ["v", "w"]) != ["v", "w"]:
        wrong.append(seen)
stop.set()
changer.join()
results["wrong while others change tables"] = wrong
cursor.close()
connection.close()
print(json.dumps(results))
