"""JSON in its canonical form (RFC 8785), so that a hash of it can be made again by anybody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite


def canonical(value: object) -> bytes:
    """The octets of the canonical form. Raises ValueError for numbers that JSON does not have."""
    return _text(value).encode("utf-8")


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        names = sorted((str(name) for name in value), key=lambda name: name.encode("utf-16-be"))  # section 3.2.3
        return "{" + ",".join(f"{_string(name)}:{_text(value[name])}" for name in names) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _string(value)


def _string(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _number(value: float) -> str:
    """As ECMAScript writes it (RFC 8785, section 3.2.2.3)."""
    if not isfinite(value):
        raise ValueError(f"{value} is no number of JSON")
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        written = format(Decimal(repr(value)), "f")
        return written.rstrip("0").rstrip(".") if "." in written else written
    mantissa, _, exponent = format(Decimal(repr(value)).normalize(), "e").partition("e")
    return f"{mantissa}e{int(exponent):+d}"
