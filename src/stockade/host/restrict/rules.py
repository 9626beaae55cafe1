"""The rules of a restriction, as the text that nft reads: how it begins on trial, is confirmed, and is taken away.

Everything is in the table ``inet stockade_restrict``. Its three base chains come before the filters of others, Docker's
too, and only refuse: what they let pass, others may still refuse. Each restriction has chains of its own, numbered. One
on trial is entered while the set ``trial`` has elements in it, which time out in the kernel (nft(8), "timeout"): when
they are gone, packets go by the one that was confirmed before, or pass.

TCP is told by its flags and not by its state: the kernel knows no state of a connection from before it was asked to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final

from stockade.host.restrict.named import Connection, Network, Restriction, single

TABLE: Final = "inet stockade_restrict"
HOOKS: Final = ("input", "forward", "output")
PRIORITY: Final = -20
"""Before ``filter`` (0), where Docker's chains are, and after the state of connections is known (-200)."""
Match = tuple[str, str]
"""What packets look like, and what they are to this machine."""
BASES: Final = ("coming", "going", *HOOKS)
_ENDS: Final = {"input": "drop", "forward": "drop", "output": "reject with icmpx type no-route"}
"""What becomes of all else. A program of the machine is told at once that there is no way, and nobody outside is told
anything. TCP that hears so does not wait longer from one try to the next (RFC 6069), and an open connection is not
broken by it (RFC 1122 section 4.2.3.9): a session that was cut off by mistake goes on as soon as it may.
"""
_NOT_A_BEGINNING: Final = "tcp flags & (syn | ack) != syn"
_ERRORS: Final = (
    ("icmp type { destination-unreachable, time-exceeded, parameter-problem } ct state related", "errors"),
    (
        "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } ct state related",
        "errors",
    ),
)
_INWARD: Final = (
    (
        "icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255",
        "neighbour discovery",
    ),
    ("ip6 saddr fe80::/10 icmpv6 type mld-listener-query", "neighbour discovery"),
    ("udp sport 67 udp dport 68", "DHCP"),
    ("ip6 saddr fe80::/10 udp sport 547 udp dport 546", "DHCP"),
)
_OUTWARD: Final = (
    (
        "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255",
        "neighbour discovery",
    ),
    ("icmpv6 type { mld-listener-report, mld2-listener-report } ip6 hoplimit 1", "neighbour discovery"),
    ("ip daddr 255.255.255.255 udp sport 68 udp dport 67", "DHCP"),
    ("ip6 daddr ff02::1:2 udp sport 546 udp dport 547", "DHCP"),
)
"""RFC 4890 section 4.4.1; DHCP by broadcast alone (RFC 2131 section 4.4.5), so that it is no way out to anywhere."""


def tried(
    restriction: Restriction, number: int, within: float, note: str, *, kept: int = 0, stale: Sequence[int] = ()
) -> str:
    """Put a restriction on trial for ``within`` seconds, under a number of its own; ``note`` says whose it is.

    ``kept`` is the one that was confirmed before and counts again afterwards; ``stale`` are more that have chains.
    """
    lines = [
        f"add table {TABLE}",
        f"add set {TABLE} trial {{ typeof meta nfproto; flags timeout; }}",
        f"flush set {TABLE} trial",
        *_emptied(),
    ]
    return _script(
        [*lines, *_taken_away(stale), *_chains(restriction, number, note), *_entered(number, kept), *_armed(within)]
    )


def confirmed(number: int, others: Sequence[int]) -> str:
    """Make the one on trial the one that counts. All of it fails when its time is up."""
    lines = [f"delete element {TABLE} trial {{ ipv4, ipv6 }}", *_emptied()]
    return _script([*lines, *_entered(0, number), *_taken_away(others)])


def lifted() -> str:
    """Take all of it away, whatever is there; it is made first, for only what is there can be."""
    return _script([f"add table {TABLE}", f"delete table {TABLE}"])


def fallen_back(kept: int, stale: Sequence[int]) -> str:
    """Take away a trial, alive or over, and leave what was confirmed before."""
    lines = [f"flush set {TABLE} trial", *_emptied(), *_entered(0, kept), *_taken_away(stale)]
    return _script(lines)


def digest(restriction: Restriction) -> str:
    """Twelve characters that are the same for what lets the same pass."""
    return sha256("\n".join(_chains(restriction, 0, "")).encode()).hexdigest()[:12]


# ── what passes ──────────────────────────────────────────────────────────────────────────────────


def _chains(restriction: Restriction, number: int, note: str) -> Iterator[str]:
    come, go = f"jump coming_{number}", f"jump going_{number}"
    inward, outward = _within("iifname", restriction.inner), _within("oifname", restriction.inner)
    contents = {
        "coming": _accepted([*_coming(restriction), *_ERRORS]),
        "going": _accepted(_going(restriction)),
        "input": [*_accepted([*inward, *_own(restriction.sessions, "s")]), come, *_accepted(_INWARD)],
        "output": [*_accepted([*outward, *_own(restriction.sessions, "d")]), go, *_accepted(_OUTWARD)],
        "forward": [*_accepted(_across(restriction.inner)), come, go],
    }
    for base, rules in contents.items():
        yield f"create chain {TABLE} {base}_{number}"
        end = [f"counter {_ENDS[base]}{_comment(note)}"] if base in HOOKS else []
        yield from (f"add rule {TABLE} {base}_{number} {rule}" for rule in (*rules, *end))


def _accepted(matches: Iterable[Match]) -> list[str]:
    return [f"{match} counter accept{_comment(what)}" for match, what in matches]


def _within(side: str, inner: Sequence[str]) -> Iterator[Match]:
    yield f'{side} "lo"', "loopback"
    if inner:
        yield f"{side} {_devices(inner)}", "within the machine"


def _across(inner: Sequence[str]) -> Iterator[Match]:
    """From one network within the machine to another, or through a bridge whose packets the filter is shown."""
    if inner:
        yield f"iifname {_devices(inner)} oifname {_devices(inner)}", "within the machine"


def _devices(names: Sequence[str]) -> str:
    return "{ " + ", ".join(f'"{name}"' for name in names) + " }"


def _own(sessions: Iterable[Connection], side: str) -> Iterator[Match]:
    """The operator's: in from the address to the port, out from the port to the address."""
    for address, port in sorted({(each.peer, each.port) for each in sessions}, key=str):
        what = f"tcp dport {port}" if side == "s" else f"tcp sport {port} {_NOT_A_BEGINNING}"
        yield from ((f"{where} {what}", f"operator {address}") for where in _at(side, [single(address)]))


def _coming(restriction: Restriction) -> Iterator[Match]:
    for network in restriction.people:
        yield from ((where, f"from {network}") for where in _at("s", [network]))
    for server in restriction.servers:
        answer = _NOT_A_BEGINNING if server.protocol == "tcp" else "ct state established"
        what = f"{server.protocol} sport {server.port} {answer}"
        yield from ((f"{where} {what}", f"answers of {server.name}") for where in _at("s", server.networks))


def _going(restriction: Restriction) -> Iterator[Match]:
    for network in restriction.people:
        for what in (_NOT_A_BEGINNING, "ct state established,related"):
            yield from ((f"{where} {what}", f"answers to {network}") for where in _at("d", [network]))
    for server in restriction.servers:
        what = f"{server.protocol} dport {server.port}"
        yield from ((f"{where} {what}", f"{server.role} {server.name}") for where in _at("d", server.networks))


def _at(side: str, networks: Sequence[Network]) -> Iterator[str]:
    """The source (``s``) or the destination (``d``) is among these, family by family."""
    for family, version in (("ip", 4), ("ip6", 6)):
        ours = [each for each in networks if each.version == version]
        written = sorted({str(n.network_address) if n.num_addresses == 1 else str(n) for n in ours})
        if written:
            yield f"{family} {side}addr " + (written[0] if len(written) == 1 else f"{{ {', '.join(written)} }}")


# ── when it counts ───────────────────────────────────────────────────────────────────────────────


def _emptied() -> Iterator[str]:
    for hook in HOOKS:
        yield f"add chain {TABLE} {hook} {{ type filter hook {hook} priority {PRIORITY}; policy accept; }}"
        yield f"flush chain {TABLE} {hook}"


def _entered(trial: int, kept: int) -> Iterator[str]:
    for hook in HOOKS:
        if trial:
            yield f"add rule {TABLE} {hook} meta nfproto @trial goto {hook}_{trial}"
        if kept:
            yield f"add rule {TABLE} {hook} goto {hook}_{kept}"


def _armed(within: float) -> Iterator[str]:
    timeout = f"timeout {max(1, round(within * 1000))}ms"
    yield f"add element {TABLE} trial {{ ipv4 {timeout}, ipv6 {timeout} }}"


def _taken_away(numbers: Iterable[int]) -> Iterator[str]:
    """Emptied first, as a chain that another jumps to stays."""
    names = [f"{base}_{number}" for number in numbers for base in BASES]
    yield from (f"flush chain {TABLE} {name}" for name in names)
    yield from (f"delete chain {TABLE} {name}" for name in names)


def _comment(text: str) -> str:
    """A comment that can be read in a terminal, and in one line; nft takes 128 octets."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "?" for c in text)
    return f' comment "{plain[:120]}"' if plain else ""


def _script(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
