"""Flow logs of AWS: version 2, or whatever fields the heading names. One record for each way of a connection.

Source: "VPC Flow Logs", Amazon VPC User Guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from stockade.host.traffic.flow import Flow, from_the_client, octets, port, turned
from stockade.host.traffic.formats.one_by_one import Read, attempted
from stockade.lines.line import Unreadable
from stockade.lines.stamps import Dating, sane

V2: Final = (
    *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets"),
    *("bytes", "start", "end", "action", "log-status"),
)
PROTOCOLS: Final = {"1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "58": "icmp6", "132": "sctp"}
"""IANA's protocol numbers, as far as they are met."""
SYN, SYN_ACK = 2, 18


def heading(text: str) -> tuple[str, ...] | None:
    """The names of the fields, when the line is a heading."""
    names = tuple(name.replace("_", "-") for name in text.strip().strip('"').split())
    return names if "srcaddr" in names or "pkt-srcaddr" in names else None


def read(lines: Iterable[str], _dating: Dating) -> Iterator[Read]:
    """Reads a log; lines of CloudWatch begin with a time of their own, which is passed over."""
    names: tuple[str, ...] = V2

    def line(text: str) -> Flow | None:
        values = text.split()
        if values and values[0][:2] == "20" and values[0].endswith("Z"):
            del values[0]
        if len(values) != len(names):
            raise Unreadable("not as many fields as the heading names")
        return _flow(dict(zip(names, values, strict=True)))

    for text in lines:
        if found := heading(text):
            names = found
        elif text.strip():
            yield from attempted(line, text)


def _flow(record: dict[str, str]) -> Flow | None:
    if record.get("log-status") in {"NODATA", "SKIPDATA"} or record.get("srcaddr", record.get("pkt-srcaddr")) == "-":
        return None
    began, ended = sane(float, record.get("start", "")), sane(float, record.get("end", record.get("start", "")))
    ends = [record.get(f"{way}addr") or record.get(f"pkt-{way}addr", "") for way in ("src", "dst")]
    protocol = record.get("protocol", "")
    action = record.get("action", "")
    flow = Flow(
        began, ends[0], ends[1], port(record.get("dstport")), PROTOCOLS.get(protocol, protocol),
        port(record.get("srcport")), max(0.0, ended - began), octets(record.get("bytes")), None,
        octets(record.get("packets")), None, action, action == "REJECT",
    )  # fmt: skip
    flags = octets(record.get("tcp-flags"))
    if flags is not None and flags & SYN:
        return turned(flow) if flags & SYN_ACK == SYN_ACK else flow
    return from_the_client(flow)
