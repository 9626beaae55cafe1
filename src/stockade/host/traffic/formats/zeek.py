"""Zeek's logs of connections, DNS, TLS and HTTP, as JSON objects or as tab-separated text under a ``#fields`` line.

Source: the Zeek manual, "Log Formats" and ``conn.log``. Names of fields come with points or with underscores, as the
shipper likes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from stockade.host.traffic.flow import LONGEST, Flow, octets, port, seconds
from stockade.host.traffic.formats.one_by_one import Line, Read, attempted, one_by_one
from stockade.lines.line import Unreadable, json_object
from stockade.lines.stamps import Dating, sane

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "time": ("ts",),
    "source": ("id.orig_h", "id_orig_h"),
    "source_port": ("id.orig_p", "id_orig_p"),
    "destination": ("id.resp_h", "id_resp_h"),
    "destination_port": ("id.resp_p", "id_resp_p"),
    "protocol": ("proto",),
    "duration": ("duration",),
    "out": ("orig_bytes", "request_body_len"),
    "back": ("resp_bytes", "response_body_len"),
    "packets_out": ("orig_pkts",),
    "packets_back": ("resp_pkts",),
    "state": ("conn_state",),
    "service": ("service",),
    "host": ("server_name", "host"),
    "asked": ("query", "uri"),
    "asked_type": ("qtype_name", "method"),
    "cipher": ("cipher", "version"),
}
"""Under which names a part of a flow may stand."""
FAILED: Final = frozenset({"S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR"})
"""States of ``conn.log`` in which no connection came about."""
UNSET: Final = frozenset({"-", "(empty)", ""})


def layer_of(known: Iterable[str]) -> str:
    """Which of the logs it is, by its fields."""
    names = set(known)
    if "conn_state" in names or "orig_pkts" in names:
        return "connection"
    if "query" in names or "qtype_name" in names:
        return "dns"
    if "uri" in names or "status_code" in names:
        return "http"
    return "tls" if {"server_name", "cipher"} & names else "connection"


def json_line(_dating: Dating) -> Line:
    """Reads a JSON object of any of the four logs."""

    def line(text: str) -> Flow:
        found = json_object(text)
        return flow_of(found, layer_of(found))

    return line


def tabbed(lines: Iterable[str], _dating: Dating) -> Iterator[Read]:
    """Reads tab-separated text; each ``#fields`` line says anew what stands where."""
    names: list[str] = []
    layer = "connection"

    def line(text: str) -> Flow:
        values = text.split("\t")
        if len(values) != len(names):
            raise Unreadable("not as many fields as #fields names")
        return flow_of(dict(zip(names, values, strict=True)), layer)

    for text in lines:
        if text.startswith("#fields"):
            names = text.split("\t")[1:]
            layer = layer_of(names)
        elif text and not text.startswith("#"):
            yield from attempted(line, text)


def flow_of(record: Mapping[str, Any], layer: str) -> Flow:
    """A record by the names of its fields as a flow. Raises Unreadable."""

    def said(part: str) -> str:
        found = next((record[name] for name in FIELDS[part] if record.get(name) is not None), "")
        text = "" if isinstance(found, (dict, list)) else str(found)
        return "" if text in UNSET else text[:LONGEST]

    source, destination, state = said("source"), said("destination"), said("state")
    if not (source and destination):
        raise Unreadable("no two ends of a connection")
    protocol = said("protocol") or ("udp" if layer == "dns" else "tcp")
    return Flow(
        moment(said("time")), source, destination, port(said("destination_port")), protocol,
        port(said("source_port")), seconds(said("duration")), octets(said("out")), octets(said("back")),
        octets(said("packets_out")), octets(said("packets_back")), state, state in FAILED,
        said("service") or ("" if layer == "connection" else layer), said("host").lower(), said("asked"),
        said("asked_type"), layer,
    )  # fmt: skip


def moment(text: str) -> float:
    """Seconds since the epoch of ``1588205199.8`` or, as ``JSON::iso8601`` has it, ``2020-04-30T00:06:39.8Z``."""
    from datetime import datetime

    return sane(float, text) if "T" not in text else sane(lambda iso: datetime.fromisoformat(iso).timestamp(), text)


json = one_by_one(json_line)
