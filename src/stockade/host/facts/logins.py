"""Who signed in, as wtmp, btmp and lastlog keep it: records of one size, zeroed by programs that hide (utmp(5))."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

RECORD: Final = struct.Struct("<hxxi32s4s32s256shhiii16s20x")
"""struct utmp of Linux on 64 bits, and on 32: glibc keeps the times in 32 bits on both."""
LAST: Final = struct.Struct("<i32s256s")
BOOT, NEW_TIME, OLD_TIME, USER, DEAD = 2, 3, 4, 7, 8


class Login(NamedTuple):
    """A record of wtmp or btmp: ``kind`` 2 is a start of the machine, 3 and 4 a clock that was set, 7 a sign-in."""

    number: int
    kind: int
    pid: int
    line: str
    user: str
    host: str
    time: float


class Last(NamedTuple):
    """When an account last signed in, as lastlog has it."""

    uid: int
    line: str
    host: str
    time: float


class Records(NamedTuple):
    """A file of records: those in it, the numbers of those that are zeros, and octets that are no whole record."""

    logins: tuple[Login, ...] = ()
    zeroed: tuple[int, ...] = ()
    left_over: int = 0


def records(octets: bytes) -> Records:
    """The records of wtmp or btmp."""
    whole = len(octets) - len(octets) % RECORD.size
    zeroed = tuple(at // RECORD.size for at in range(0, whole, RECORD.size) if not any(octets[at : at + RECORD.size]))
    return Records(tuple(_logins(octets[:whole], frozenset(zeroed))), zeroed, len(octets) - whole)


def _logins(octets: bytes, zeroed: frozenset[int]) -> Iterator[Login]:
    for number, fields in enumerate(RECORD.iter_unpack(octets)):
        if number not in zeroed:
            kind, pid, line, _, user, host = fields[:6]
            yield Login(number, kind, pid, _text(line), _text(user), _text(host), fields[9] + fields[10] / 1e6)


def last(octets: bytes) -> Iterator[Last]:
    """The accounts of lastlog that ever signed in; the number of a record is the account's."""
    whole = len(octets) - len(octets) % LAST.size
    for uid, (time, line, host) in enumerate(LAST.iter_unpack(octets[:whole])):
        if time:
            yield Last(uid, _text(line), _text(host), float(time))


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")
