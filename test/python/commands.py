"""Packs commands and actions of Flight SQL for pyarrow, which knows only those of Flight."""


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number, value):
    """A field of bytes or text, as protobuf writes it."""
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def packed(name, value=b""):
    """A message of Flight SQL inside `Any`."""
    return field(1, f"type.googleapis.com/arrow.flight.protocol.sql.{name}") + field(2, value)
