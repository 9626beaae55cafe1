"""Tries whether what is named can be reached: a connection to each server, a question to each resolver."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

from stockade.host.restrict.named import Address, Server

PATIENCE: Final = 2.0
"""Seconds that a server has for its answer."""
_AT_ONCE: Final = 32
_QUESTION: Final = b"\x57\x0c\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"
"""Who serves the root of the name space (RFC 1035 section 4.1): every resolver answers that, if only to refuse."""

Answers = Mapping[Server, bool | None]
"""Whether each server answers at one of its addresses; None where it cannot be tried."""


def answers(servers: Iterable[Server], patience: float = PATIENCE) -> Answers:
    """Try all of them at once."""
    asked = list(dict.fromkeys(servers))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return dict(zip(asked, threads.map(lambda each: _answers(each, patience), asked), strict=True))


def lost(before: Answers, after: Answers) -> tuple[Server, ...]:
    """Those that answered before and do not any more."""
    return tuple(each for each, answered in before.items() if answered and not after.get(each))


def _answers(server: Server, patience: float) -> bool | None:
    if not server.addresses or (server.protocol == "udp" and server.role != "resolver"):
        return None
    ask = _connects if server.protocol == "tcp" else _replies
    return any(ask(address, server.port, patience) for address in server.addresses[:4])


def _connects(address: Address, port: int, patience: float) -> bool:
    try:
        socket.create_connection((str(address), port), patience).close()
    except OSError:
        return False
    return True


def _replies(address: Address, port: int, patience: float) -> bool:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as asking:
        asking.settimeout(patience)
        try:
            asking.connect((str(address), port))
            asking.send(_QUESTION)
            return bool(asking.recv(512))
        except OSError:
            return False
