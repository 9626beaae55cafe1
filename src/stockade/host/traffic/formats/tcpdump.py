"""What ``tcpdump -nn -tt`` prints, a packet a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from stockade.host.traffic.flow import LONGEST, octets, port
from stockade.host.traffic.formats.one_by_one import Read
from stockade.host.traffic.formats.packets import Assembly, Packet
from stockade.lines.line import Unreadable
from stockade.lines.stamps import Dating, sane

LINE: Final = re.compile(r"(\d{9,10}\.\d{1,9}) (?:\S+ +(?:In|Out|P|B|M) +)?(IP6?) (\S+) > (\S+?): (.*)", re.DOTALL)
FLAGS: Final = re.compile(r"Flags \[([A-Z.]*)\]")
LENGTH: Final = re.compile(r"\blength (\d{1,9})")
QUESTION: Final = re.compile(r"\d+[+%*|-]* (?:\[[^\]]*\] )?([A-Z]{1,10})\? (\S+) \((\d{1,6})\)")
SIZE: Final = re.compile(r"\((\d{1,6})\)\s*\Z")


def read(lines: Iterable[str], _dating: Dating) -> Iterator[Read]:
    """Reads packets into flows. What is not IP, such as ARP, is no damage and no flow."""
    flows = Assembly()
    for text in lines:
        try:
            found = packet(text.rstrip("\r\n"))
        except Unreadable as refusal:
            yield refusal
            continue
        if found is not None:
            yield from flows.take(found)
    yield from flows.rest()


def packet(text: str) -> Packet | None:
    """One line. Raises Unreadable."""
    found = LINE.match(text)
    if found is None:
        if not text or text[:1].isspace() or re.match(r"\d{9,10}\.\d+ ", text):
            return None
        raise Unreadable("no packet with its time")
    stamp, _, source, destination, said = found.groups()
    one, other = _end(source), _end(destination)
    question, flags, length = QUESTION.match(said), FLAGS.match(said), LENGTH.search(said) or SIZE.search(said)
    protocol = "tcp" if flags else "icmp" if said.startswith("ICMP") else "udp"
    return Packet(
        sane(float, stamp), protocol, *one, *other, octets(length[1]) or 0 if length else 0,
        flags[1] if flags else "", question[2].rstrip(".")[:LONGEST] if question else "",
        question[1] if question else "",
    )  # fmt: skip


def _end(written: str) -> tuple[str, int]:
    """``192.0.2.1.443`` and ``2001:db8::1.443``; without a port for protocols that have none."""
    if written.count(".") == 4 or (":" in written and "." in written):
        address, _, last = written.rpartition(".")
        return address[:64], port(last)
    return written[:64], 0
