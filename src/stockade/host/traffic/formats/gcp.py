"""VPC flow logs of Google Cloud, one JSON object a line. A record for each way of a connection, and
for each of its ends that is within the cloud.

Source: "VPC Flow Logs records", Google Cloud documentation.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stockade.host.traffic.flow import Flow, from_the_client, octets, port
from stockade.host.traffic.formats.aws import PROTOCOLS
from stockade.host.traffic.formats.one_by_one import Line, one_by_one
from stockade.lines.line import Unreadable, json_object
from stockade.lines.stamps import Dating, sane


def payload(record: dict[str, Any]) -> dict[str, Any] | None:
    """What the record says of a connection; None when it is no flow."""
    found = record.get("jsonPayload", record)
    return found if isinstance(found, dict) and isinstance(found.get("connection"), dict) else None


def _line(_dating: Dating) -> Line:
    def line(text: str) -> Flow | None:
        found = payload(json_object(text))
        if found is None:
            raise Unreadable("no connection in it")
        both = found.get("src_instance") and found.get("dest_instance")
        return None if both and found.get("reporter") == "DEST" else _flow(found, found["connection"])

    return line


def _flow(record: dict[str, Any], ends: dict[str, Any]) -> Flow:
    began = sane(_moment, str(record.get("start_time", "")))
    ended = sane(_moment, str(record.get("end_time") or record.get("start_time", "")))
    source, destination = str(ends.get("src_ip", ""))[:64], str(ends.get("dest_ip", ""))[:64]
    if not (source and destination):
        raise Unreadable("no two ends of a connection")
    protocol = str(ends.get("protocol", ""))
    flow = Flow(
        began, source, destination, port(ends.get("dest_port")), PROTOCOLS.get(protocol, protocol[:16]),
        port(ends.get("src_port")), max(0.0, ended - began), octets(record.get("bytes_sent")), None,
        octets(record.get("packets_sent")),
    )  # fmt: skip
    return from_the_client(flow)


def _moment(text: str) -> float:
    """Nanoseconds are more than Python reads."""
    whole, point, rest = text.partition(".")
    digits = rest.rstrip("Z").partition("+")[0][:6]
    return datetime.fromisoformat(f"{whole}.{digits}+00:00" if point else text).timestamp()


read = one_by_one(_line)
