"""Every feature of the ADBC DBAPI, one case each; prints one line of JSON for each case.

adbc_full.py URI USER KEY HTTP [CASE...]
"""
import json
import sys
import time
import traceback

from adbc_full import (  # noqa: F401
    control,
    errors,
    frames,
    ingestion,
    metadata,
    options,
    parameters,
    queries,
    transactions,
)
from adbc_full.cases import cases

chosen = sys.argv[5:]
for each in cases:
    if chosen and each.__name__ not in chosen:
        continue
    started, error = time.monotonic(), None
    try:
        each()
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}\n{traceback.format_exc(limit=-3)}"
    seconds = round(time.monotonic() - started, 2)
    print(json.dumps({"case": each.__name__, "ok": error is None, "error": error, "seconds": seconds}), flush=True)
