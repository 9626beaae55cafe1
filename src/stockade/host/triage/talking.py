"""Processes that talk to a network as no honest one does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from stockade.events import Severity
from stockade.host.facts.netfiles import Socket
from stockade.host.facts.process import Process
from stockade.host.facts.sockets import Sockets
from stockade.host.oddity import Oddity
from stockade.host.triage import places
from stockade.host.triage.naming import Owner, facts, ref, who

SHELLS: Final = re.compile(
    r"(?:ba|da|z|k|a|fi|c|tc)?sh|busybox|nc(?:\.\w+)?|ncat|netcat|socat"
    r"|(?:python|perl|ruby|php|lua|node|tclsh|gawk|mawk|pypy)[\d.]*"
)
"""Programs that do what comes in at their input."""
SUPERVISORS: Final = frozenset({"inetd", "xinetd", "tcpserver", "systemd", "s6-tcpserver", "tcpsvd", "sshd"})
"""Programs that hand a connection to another as its input and output, by design."""
HEARERS: Final = places.words(
    "dhclient dhcpcd dhcpd dnsmasq systemd-networkd NetworkManager wpa_supplicant hostapd lldpd lldpad "
    "keepalived connmand arpwatch radvd pppd bird frr zebra ospfd isisd tcpdump dumpcap wireshark tshark "
    "suricata zeek snort ntopng softflowd iftop nethogs packetbeat ladvd udhcpc vrrpd corosync avahi-autoipd"
)
"""Programs that cannot do their work without packets as they are on the wire."""
WATCHERS: Final = places.words("tcpdump dumpcap wireshark tshark ntopng iftop nethogs")
"""Those of them that somebody has to start, and that read what others say."""


def reverse_shells(host: str, processes: tuple[Process, ...], sockets: Sockets) -> Iterator[Oddity]:
    """Interpreters whose input and output are a connection to somewhere."""
    connected = {socket.inode: socket for socket in sockets.all if socket.state == "established"}
    by_pid = {process.pid: process for process in processes}
    for process in processes:
        socket = _led_by(process, connected)
        if socket is None:
            continue
        parent = by_pid.get(process.parent)
        handed = parent is not None and _is_supervisor(parent)
        yield Oddity(
            "reverse-shell",
            "low" if handed else "high" if socket.remote_loopback else "critical",
            f"process {process.pid} ({places.name(process.exe) or process.name}) takes its orders "
            f"from {socket.remote}:{socket.remote_port}",
            ref(host, process),
            "A shell whose input is a connection does what somebody at the other end types.",
            f"ls -l /proc/{process.pid}/fd; ss -tnp | grep pid={process.pid},; ps f -p {process.pid},{process.parent}",
            f"Its parent is {parent.name}, which hands connections to programs by design."
            if handed and parent
            else "inetd, socket units and sshd hand connections to programs; its parent is none of them.",
            ("T1059.004", "T1071"),
            facts([process], remote=socket.remote, port=socket.remote_port, parent=process.parent),
        )


def _led_by(process: Process, connected: dict[int, Socket]) -> Socket | None:
    """The connection that is both input and output of an interpreter."""
    if not SHELLS.fullmatch(places.name(process.exe)) and not process.in_memory:
        return None
    ends = process.sockets()
    reads = connected.get(ends.get(0, 0))
    return reads if reads is not None and {ends.get(1), ends.get(2)} & {reads.inode} else None


def _is_supervisor(process: Process) -> bool:
    return places.name(process.exe) in SUPERVISORS


def sniffers(host: str, sockets: Sockets, owner: Owner) -> Iterator[Oddity]:
    """Processes that read packets of others, or write such as no system would."""
    seen = set[tuple[str, int]]()
    for socket in sockets.all:
        holders = sockets.holders.get(socket.inode, ())
        if socket.transport not in {"raw", "packet"} or not holders or (socket.transport, holders[0].pid) in seen:
            continue
        seen.add((socket.transport, holders[0].pid))
        process, program = holders[0], places.name(holders[0].exe)
        severity, harmless = _of_sniffer(program, owner(process.exe), socket)
        yield Oddity(
            "sniffer",
            severity,
            f"{who(holders)} ({program or process.name}) reads packets off the wire ({_how(socket)})",
            ref(host, process),
            "Who reads what passes by reads passwords, and can wait for a packet that no open port gives away.",
            f"ss -0bp; ss -wp; ls -l /proc/{process.pid}/exe",
            harmless,
            ("T1040", "T1205.002"),
            facts(holders, protocol=socket.protocol, number=socket.port, package=owner(process.exe)),
        )


def _of_sniffer(program: str, package: str | None, socket: Socket) -> tuple[Severity, str]:
    if package and program in WATCHERS:
        return "low", f"{program} of the package {package} is for that; somebody has started it, and you may know who."
    if package and (program in HEARERS or socket.transport == "raw"):
        return "informational", f"{program} of the package {package} cannot work without."
    return "medium", "DHCP clients, routers and monitors do that; by its program and its package it is none of them."


def _how(socket: Socket) -> str:
    if socket.transport == "raw":
        return f"a raw socket, protocol {socket.port}"
    return "every packet" if socket.port == 3 else f"packets of type {socket.port:#06x}"
