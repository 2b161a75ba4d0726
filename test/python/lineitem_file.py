"""Makes a DuckDB file with TPC-H lineitem at a scale factor, once; prints its path."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import duckdb

scale = sys.argv[1]
cache = pathlib.Path(__file__).resolve().parents[2] / ".cache"
path = cache / f"lineitem-{scale}.duckdb"
if not path.exists():
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        tool = pathlib.Path(sys.executable).parent / "tpchgen-cli"
        command = [tool, "parquet", "--scale-factor", scale, "--tables", "lineitem", "--output-dir", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        fresh = pathlib.Path(folder) / "fresh.duckdb"
        with duckdb.connect(str(fresh)) as connection:
            connection.execute(f"CREATE TABLE lineitem AS FROM '{folder}/lineitem.parquet'")
        os.replace(fresh, path)
print(json.dumps({"path": str(path)}))
