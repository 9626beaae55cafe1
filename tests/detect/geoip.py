"""Writes a GeoIP database as small as can be (MaxMind DB file format 2.0), so that tests have one."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any


def write_database(path: Path, places: Mapping[str, Mapping[str, Any]]) -> Path:
    """A database of networks, IPv4 and IPv6, and what is known of them."""
    data, tree = b"", [[None, None]]
    for network, place in places.items():
        _insert(tree, network, len(data))
        data += _encoded(place)
    count = len(tree)
    nodes = b"".join(_record(record, count) for node in tree for record in node)
    metadata = {
        "node_count": (6, 4, count),
        "record_size": (5, 2, 32),
        "ip_version": (5, 2, 6),
        "database_type": "Test",
        "binary_format_major_version": (5, 2, 2),
        "binary_format_minor_version": (5, 2, 0),
        "languages": ["en"],
        "build_epoch": (9, 8, 1),
        "description": {"en": "Test"},
    }
    path.write_bytes(nodes + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata))
    return path


def _insert(tree: list[list[Any]], network: str, offset: int) -> None:
    parsed = ip_network(network)
    bits = format(int(parsed.network_address), f"0{parsed.max_prefixlen}b")[: parsed.prefixlen]
    bits = "0" * 96 + bits if parsed.version == 4 else bits
    node = 0
    for bit in bits[:-1]:
        if tree[node][int(bit)] is None:
            tree.append([None, None])
            tree[node][int(bit)] = len(tree) - 1
        node = tree[node][int(bit)]
    tree[node][int(bits[-1])] = ("data", offset)


def _record(record: Any, count: int) -> bytes:
    if record is None:
        return struct.pack(">I", count)
    return struct.pack(">I", count + 16 + record[1] if isinstance(record, tuple) else record)


def _encoded(value: Any) -> bytes:
    match value:
        case str():
            raw = value.encode()
            return bytes([(2 << 5) | len(raw)]) + raw
        case float():
            return bytes([(3 << 5) | 8]) + struct.pack(">d", value)
        case (int(kind), int(size), int(number)):
            control = [kind << 5 | size] if kind < 8 else [size, kind - 7]
            return bytes(control) + number.to_bytes(size)
        case list():
            return bytes([len(value), 4]) + b"".join(map(_encoded, value))
    body = b"".join(_encoded(key) + _encoded(inner) for key, inner in value.items())
    return bytes([(7 << 5) | len(value)]) + body
