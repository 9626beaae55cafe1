"""Readers of records of traffic, each pure over lines, and how a file is recognised by what stands in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stockade.host.traffic.formats import aws, conntrack, firewall, gcp, tcpdump, web, zeek
from stockade.host.traffic.formats.one_by_one import Reader
from stockade.lines.access import apart
from stockade.lines.line import Unreadable, json_object

LOOKED_AT: Final = 40
"""Lines by which a file is recognised."""


@dataclass(frozen=True)
class Format:
    """A way in which traffic is recorded: what it is, the reader, and whether a line looks like it."""

    title: str
    read: Reader
    looks: Callable[[str], bool]


def _json(test: Callable[[dict[str, object]], bool]) -> Callable[[str], bool]:
    def looks(text: str) -> bool:
        try:
            return text.startswith("{") and test(json_object(text))
        except Unreadable:
            return False

    return looks


def _access(text: str) -> bool:
    try:
        return apart(text).stamp.startswith("[")
    except Unreadable:
        return False


def _conntrack(text: str) -> bool:
    return re.search(r"\bsrc=\S+ dst=\S+ ", text) is not None


def _aws(text: str) -> bool:
    return aws.heading(text) is not None or re.match(r"(20\S+Z )?[2-9] \S+ eni-\S+ ", text) is not None


FORMATS: Final[Mapping[str, Format]] = {
    "zeek-tsv": Format("Zeek: conn, dns, ssl, http, tab-separated", zeek.tabbed,
        lambda text: text.startswith("#fields\t")),
    "zeek-json": Format(
        "Zeek: conn, dns, ssl, http, JSON", zeek.json,
        _json(lambda found: "id.orig_h" in found or "id_orig_h" in found),
    ),
    "gcp": Format("VPC flow logs of Google Cloud, JSON", gcp.read, _json(lambda found: gcp.payload(found) is not None)),
    "conntrack": Format("conntrack -L -o extended, conntrack -E -o timestamp", conntrack.read, _conntrack),
    "nftables": Format("log lines of nftables and iptables", firewall.read,
        lambda text: " SRC=" in text and " DST=" in text),
    "tcpdump": Format("tcpdump -nn -tt", tcpdump.read, lambda text: tcpdump.LINE.match(text) is not None),
    "aws": Format("VPC flow logs of AWS", aws.read, _aws),
    "access": Format("access logs of nginx and Apache", web.read, _access),
}  # fmt: skip
"""Every format of lines, by name; the first that a line looks like is taken. ``pcap`` is recognised by its octets."""


def recognised(lines: Sequence[str]) -> str | None:
    """The name of the format, by the first line that looks like one; None when none does."""
    for text in lines[:LOOKED_AT]:
        if name := next((name for name, each in FORMATS.items() if each.looks(text)), None):
            return name
    return None
