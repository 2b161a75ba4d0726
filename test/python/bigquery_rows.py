"""Reads IPC streams from the files of its arguments, validates them as far as pyarrow can, and prints their types and values."""

import json
import sys

import pyarrow as pa


def text(value):
    if isinstance(value, list):
        return [text(item) for item in value]
    if isinstance(value, dict):
        return {name: text(member) for name, member in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, bool) else str(value)


def moments(array):
    """Timestamps as integers: Python's datetime has no year 0, and pytz is not installed."""
    if pa.types.is_timestamp(array.type) or pa.types.is_time(array.type):
        return array.cast(pa.int64()).to_pylist()
    if pa.types.is_list(array.type) and pa.types.is_timestamp(array.type.value_type):
        return array.cast(pa.list_(pa.int64())).to_pylist()
    return array.to_pylist()


out = []
for path in sys.argv[1:]:
    with pa.ipc.open_stream(path) as reader:
        table = reader.read_all()
    fault = None
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        fault = str(error)
    columns = [[text(value) for chunk in column.chunks for value in moments(chunk)] for column in table.columns]
    out.append({"types": [str(field.type) for field in table.schema], "columns": columns, "fault": fault})
print(json.dumps(out))
