"""Uploads and reads through a proxy; prints the results."""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc

uri, rows, key = sys.argv[1], int(sys.argv[2]), (sys.argv + ["k"])[3]
table = pa.table({"i": pa.array(range(rows), pa.int64()), "s": pa.array([f"value {i} " * 4 for i in range(rows)])})
results = {}
with adbc.connect(uri, db_kwargs={"username": "any", "password": key}, autocommit=True) as connection:
    with connection.cursor() as cursor:
        results["uploaded"] = cursor.adbc_ingest(
            "uploaded", pa.RecordBatchReader.from_batches(table.schema, table.to_batches(20_000)), mode="create"
        )
        cursor.execute("SELECT * FROM uploaded ORDER BY i")
        found = cursor.fetch_arrow_table()
        results["same"] = found.equals(table.cast(found.schema))
        results["bytes"] = table.nbytes > 20_000_000
        cursor.execute("SELECT sum(i)::BIGINT AS s FROM uploaded")
        results["sum"] = cursor.fetch_arrow_table()["s"][0].as_py() == pc.sum(table["i"]).as_py()
        try:
            cursor.execute("SELECT * FROM nowhere")
        except Exception as error:
            results["error"] = str(error)
print(json.dumps(results))
