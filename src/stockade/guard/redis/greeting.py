"""What is said first on a new connection: who we are, which database, and the script that counts.

Conversations are generators: they yield commands and are sent the replies, so that one text serves those who wait and
those who await.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, cast

from hiredis import ReplyError, pack_command

from stockade.errors import Unavailable
from stockade.guard.redis.faults import code_of, refused
from stockade.guard.redis.script import Script
from stockade.guard.redis.url import Address, Login, Target

Reply = Any
Talk = Generator[list[bytes], list[Reply], None]
"""Yields encoded commands that are sent together, and is sent their replies."""


def words(*parts: str | bytes | int) -> bytes:
    """One command as the protocol writes it."""
    packed: bytes = pack_command(cast("tuple[bytes]", parts))
    return packed


def greet(target: Target, address: Address, script: Script) -> Talk:
    """Introduce ourselves to a server that keeps counters; raises Unavailable when it is not fit to."""
    introduction = [*_authenticate(target.login)]
    if target.database:
        introduction.append(words("SELECT", target.database))
    if target.kind == "sentinel":
        introduction.append(words("ROLE"))
    text = script.text
    *replies, loaded = yield [*introduction, words("SCRIPT", "LOAD", text)]
    _accepted(address, replies)
    if target.kind == "sentinel" and replies[-1][0] != b"master":
        raise Unavailable(f"Redis at {address} is not a primary any more", remedy="The sentinels are asked again.")
    if isinstance(loaded, ReplyError) and "compil" in str(loaded):
        script.fall_back()
        (loaded,) = yield [words("SCRIPT", "LOAD", script.text)]
    if isinstance(loaded, ReplyError):
        raise refused(address, loaded)


def greet_seed(target: Target, address: Address) -> Talk:
    """Introduce ourselves to a sentinel, or to a node that is only asked for the map of its cluster."""
    introduction = [*_authenticate(target.sentinel_login if target.kind == "sentinel" else target.login)]
    if introduction:
        _accepted(address, (yield introduction))


def _authenticate(login: Login) -> Iterator[bytes]:
    if login.password:
        yield words("AUTH", login.user, login.password) if login.user else words("AUTH", login.password)


def _accepted(address: Address, replies: list[Reply]) -> None:
    for reply in replies:
        if isinstance(reply, ReplyError):
            raise refused(address, reply, secret=True)


def is_missing_script(reply: Reply) -> bool:
    """Has the server forgotten the script?"""
    return isinstance(reply, ReplyError) and code_of(reply) == "NOSCRIPT"
