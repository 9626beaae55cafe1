"""Captures as tcpdump writes them (pcap, draft-ietf-opsawg-pcap): the headers of IP, TCP and UDP, and DNS questions.

Of pcapng, and of links other than Ethernet, raw IP and Linux's "any", ``tcpdump -nn -tt -r FILE`` makes lines to read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import BinaryIO, Final

from stockade.errors import ConfigurationError
from stockade.host.traffic.flow import LONGEST
from stockade.host.traffic.formats.aws import PROTOCOLS as NUMBERED
from stockade.host.traffic.formats.one_by_one import Read
from stockade.host.traffic.formats.packets import Assembly, Packet
from stockade.lines.line import Unreadable

MAGIC: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
NEXT_GENERATION: Final = b"\x0a\x0d\x0d\x0a"
ETHERNET, RAW, RAW_TOO, ANY, ANY_2 = 1, 101, 12, 113, 276
LINKS: Final = {ETHERNET: (14, 12), RAW: (0, None), RAW_TOO: (0, None), ANY: (16, 14), ANY_2: (20, 0)}
"""How long the header of a link is, and where in it the protocol stands."""
MAX_PACKET: Final = 262_144
TYPES: Final = {1: "A", 5: "CNAME", 10: "NULL", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 65: "HTTPS"}
PROTOCOLS: Final = {int(number): name for number, name in NUMBERED.items()}
FLAG: Final = ((0x01, "F"), (0x02, "S"), (0x04, "R"), (0x08, "P"), (0x10, "."))


def read(file: BinaryIO) -> Iterator[Read]:
    """Reads a capture from its first octet. Raises ConfigurationError for a link that is not known."""
    head = file.read(24)
    if len(head) < 24 or head[:4] not in MAGIC:
        raise ConfigurationError("not a capture that can be read here", remedy="Try: tcpdump -nn -tt -r FILE")
    order, unit = MAGIC[head[:4]]
    link = struct.unpack(order + "I", head[20:24])[0] & 0xFFFF
    if link not in LINKS:
        remedy = "Have it read as lines: tcpdump -nn -tt -r FILE"
        raise ConfigurationError(f"a capture of a link of type {link}", remedy=remedy)
    yield from _flows(file, order, unit, link)


def _flows(file: BinaryIO, order: str, unit: float, link: int) -> Iterator[Read]:
    flows = Assembly()
    while len(head := file.read(16)) == 16:
        whole, part, kept, length = struct.unpack(order + "IIII", head)
        if kept > MAX_PACKET:
            yield Unreadable("a packet longer than any: the rest of the capture is damaged")
            break
        try:
            found = packet(whole + part * unit, file.read(kept), length, link)
        except (Unreadable, struct.error, IndexError, ValueError) as error:
            yield error if isinstance(error, Unreadable) else Unreadable("a packet that ends too soon")
            continue
        if found is not None:
            yield from flows.take(found)
    yield from flows.rest()


def packet(time: float, octets: bytes, length: int, link: int) -> Packet | None:
    """One packet; None for what is not IP. A damaged one raises struct.error, IndexError, ValueError."""
    skip, at = LINKS[link]
    kind = struct.unpack_from(">H", octets, at)[0] if at is not None else 0
    if kind == 0x8100:  # IEEE 802.1Q: four more octets
        kind, skip = struct.unpack_from(">H", octets, at + 4 if at is not None else 0)[0], skip + 4
    octets = octets[skip:]
    version = octets[0] >> 4 if octets else 0
    if version == 4 and kind in {0, 0x0800}:
        protocol, at_rest = octets[9], (octets[0] & 15) * 4
        ends = octets[12:16], octets[16:20]
    elif version == 6 and kind in {0, 0x86DD}:
        protocol, at_rest = octets[6], 40
        ends = octets[8:24], octets[24:40]
    else:
        return None
    source, destination = (str(ip_address(end)) for end in ends)
    bare = Packet(time, PROTOCOLS.get(protocol, str(protocol)), source, 0, destination, 0, length)
    return _with_ports(bare, octets[at_rest:])


def _with_ports(packet: Packet, rest: bytes) -> Packet:
    if packet.protocol not in {"tcp", "udp"}:
        return packet
    here, there = struct.unpack_from(">HH", rest)
    found = packet._replace(source_port=here, destination_port=there)
    if packet.protocol == "tcp":
        return found._replace(flags="".join(letter for bit, letter in FLAG if rest[13] & bit))
    asked, kind = question(rest[8:]) if there == 53 else ("", "")
    return found._replace(asked=asked, asked_type=kind)


def question(octets: bytes) -> tuple[str, str]:
    """The first question of a DNS query (RFC 1035, section 4.1), and its type; nothing for an answer."""
    if len(octets) < 17 or octets[2] & 0x80 or octets[4:6] == b"\0\0":
        return "", ""
    labels, at = list[str](), 12
    while at < len(octets) and octets[at]:
        size = octets[at]
        if size > 63:
            return "", ""
        labels.append(octets[at + 1 : at + 1 + size].decode("ascii", "replace"))
        at += size + 1
    number = int.from_bytes(octets[at + 1 : at + 3], "big")
    return ".".join(labels)[:LONGEST], TYPES.get(number, str(number))
