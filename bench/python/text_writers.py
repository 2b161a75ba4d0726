"""Writes an Arrow IPC stream as text in one way; prints bytes, rows, seconds and CPU seconds.

text_writers.py FILE duckdb-csv | duckdb-ndjson | duckdb-json | pyarrow-csv | json-ndjson
"""
import datetime
import decimal
import json
import os
import sys
import time

import pyarrow as pa
import pyarrow.csv

file, way = sys.argv[1:3]
# json.dumps takes seconds for what the others write in a tenth of one.
ROWS_OF_JSON = 20_000
WARM_UPS = 1
table = pa.ipc.open_stream(file).read_all()
if way.startswith("duckdb"):
    import duckdb

    connection = duckdb.connect()
    connection.sql("SET threads = 1")
    connection.register("given", table)
    connection.sql("CREATE TABLE rows AS FROM given")
    options = {"csv": "FORMAT csv, HEADER", "ndjson": "FORMAT json", "json": "FORMAT json, ARRAY true"}[way.removeprefix("duckdb-")]

    def write(target):
        connection.sql(f"COPY rows TO '{target}' ({options})")

elif way == "pyarrow-csv":
    pa.set_cpu_count(1)

    def write(target):
        pyarrow.csv.write_csv(table, target)

else:
    table = table.slice(0, ROWS_OF_JSON)

    def text(value):
        if isinstance(value, decimal.Decimal):
            return float(value)
        return value.isoformat() if isinstance(value, datetime.date) else str(value)

    def write(target):
        with open(target, "w", encoding="utf-8") as out:
            for batch in table.to_batches():
                for row in batch.to_pylist():
                    out.write(json.dumps(row, default=text))
                    out.write("\n")


# The size comes from a file in memory, the time from writing to nowhere.
sized = f"/dev/shm/flightgate-text-{os.getpid()}"
write(sized)
size = os.path.getsize(sized)
os.remove(sized)
for _ in range(WARM_UPS):
    write("/dev/null")
cpu, started = time.process_time(), time.perf_counter()
write("/dev/null")
seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
print(json.dumps({"bytes": size, "rows": table.num_rows, "seconds": seconds, "cpuSeconds": cpu}))
