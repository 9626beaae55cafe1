"""Proves on a real file that it can only grow: by trying to overwrite, cut, rename and remove it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from stockade.audit.sinks.attributes import append_only, set_append_only
from stockade.audit.sinks.probing import Check, Verdict
from stockade.errors import Unavailable


def probe_file(path: Path) -> Iterator[Check]:
    """All checks of a file that is there; none of them changes what is in it. Raises Unavailable without a file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}", remedy="Carry something there first.") from error
    try:
        sealed = append_only(fd)
        yield Check("flag", "look for the append-only flag", "set" if sealed else "not set", _held(sealed))
        yield from _attacks(path) if sealed else ()
        yield _who_may(fd) if sealed else Check("who", "take the flag off", "there is none", Verdict.BROKEN)
    finally:
        os.close(fd)


def _attacks(path: Path) -> Iterator[Check]:
    aside = path.with_name(path.name + ".moved")
    yield _attack("overwrite", "open it for writing, and not at its end", lambda: os.close(os.open(path, os.O_WRONLY)))
    yield _attack("cut", "make it no longer than it is", lambda: os.truncate(path, path.stat().st_size))
    yield _attack("rename", "give it another name", lambda: _there_and_back(path, aside))
    yield _attack("link", "give it a second name", lambda: _linked(path, aside))
    yield _attack("backdate", "set its times", lambda: os.utime(path, (0, 0)))


def _attack(name: str, tried: str, attempt: Callable[[], None]) -> Check:
    try:
        attempt()
    except OSError as error:
        return Check(name, tried, error.strerror or repr(error), _held(isinstance(error, PermissionError)))
    return Check(name, tried, "done", Verdict.BROKEN)


def _there_and_back(path: Path, aside: Path) -> None:
    path.rename(aside)
    aside.rename(path)


def _linked(path: Path, aside: Path) -> None:
    aside.hardlink_to(path)
    aside.unlink()


def _who_may(fd: int) -> Check:
    """Whether this very process could take the flag off: then so could whoever takes it over."""
    why = set_append_only(fd, on=False)
    if not why:
        set_append_only(fd)
    tried = "take the flag off, as the user who runs this"
    answered = "refused" if why else "done, and set again: run the carrier without CAP_LINUX_IMMUTABLE"
    return Check("who", tried, answered, _held(bool(why)))


def _held(yes: bool) -> Verdict:  # noqa: FBT001  a verdict is made of a yes or a no
    return Verdict.HELD if yes else Verdict.BROKEN
