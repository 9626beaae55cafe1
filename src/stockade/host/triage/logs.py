"""Logs that were edited or have gaps: told when two witnesses disagree, or a record shows it by itself.

Logs rotate, clocks are set, and twice a year an hour is there again: none of these is told.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from stockade.events import Ref, Severity
from stockade.host.facts.accounts import Account
from stockade.host.facts.logfiles import AUTH, LogFile, Logs
from stockade.host.facts.logins import BOOT, NEW_TIME, OLD_TIME, USER, Login
from stockade.host.oddity import Oddity

NEAR: Final = 120.0
"""Seconds by which two witnesses of one event may differ."""
BACK: Final = 300.0
HOUR: Final = 3600.0
SILENT: Final = 2 * HOUR
RATHER: Final = 8
"""So many times longer than the longest silence but one."""
MEANWHILE: Final = 20
"""Entries that another log must have while one is silent."""
WHY: Final = "Who edits a log hides when and how they came."
TECHNIQUE: Final = ("T1685.006",)


def odd(host: str, logs: Logs, people: Iterable[Account]) -> Iterator[Oddity]:
    """All that is odd about the logs."""
    names = {account.uid: account.name for account in people}
    yield from _links(host, logs)
    yield from _records(host, logs)
    yield from _lastlog(host, logs, names)
    yield from _auth(host, logs)
    yield from _journal(host, logs)
    for text in logs.texts:
        yield from _text(host, text, logs)


def _told(host: str, path: str, severity: Severity, what: str, harmless: str, **facts: object) -> Oddity:
    look = f"stat {path}; journalctl --verify; last -f /var/log/wtmp | head"
    known: dict[str, object] = {"path": path, **facts}
    return Oddity(
        "log-edited", severity, f"{path} {what}", Ref(host, "log", path), WHY, look, harmless, TECHNIQUE, known
    )


def _links(host: str, logs: Logs) -> Iterator[Oddity]:
    for path, to in logs.links:
        if to == "/dev/null":
            yield _told(host, path, "high", "is a link to /dev/null: nothing is kept", "No package makes it so.")


def _records(host: str, logs: Logs) -> Iterator[Oddity]:
    """Records of zeros, as programs leave that hide a sign-in, and a file that ends within a record."""
    for path, found in (("/var/log/wtmp", logs.wtmp), ("/var/log/btmp", logs.btmp)):
        if found.zeroed:
            what = f"has {len(found.zeroed)} records of zeros, the first of them number {found.zeroed[0]}"
            yield _told(
                host, path, "high", what, "Nothing that signs people in writes zeros.", records=found.zeroed[:20]
            )
        if found.left_over:
            yield _told(host, path, "medium", "ends within a record", "A full disk leaves such an end too.")
        for before, after in _backwards(found.logins):
            what = f"runs backwards at record {after.number}, from {_when(before.time)} to {_when(after.time)}"
            yield _told(host, path, "medium", what, "No clock was set, and the machine did not start, between them.")


def _backwards(logins: Sequence[Login]) -> Iterator[tuple[Login, Login]]:
    quiet = {BOOT, NEW_TIME, OLD_TIME}
    for before, after in pairwise(logins):
        if after.time < before.time - BACK and not {before.kind, after.kind} & quiet and after.time:
            yield before, after


def _lastlog(host: str, logs: Logs, names: Mapping[int, str]) -> Iterator[Oddity]:
    """A sign-in that lastlog knows and wtmp does not, of a time that wtmp covers."""
    times = sorted(login.time for login in logs.wtmp.logins)
    signed = [login for login in logs.wtmp.logins if login.kind == USER]
    for last in logs.lastlog:
        name = names.get(last.uid, str(last.uid))
        if not times or not times[0] <= last.time <= times[-1]:
            continue
        if not any(login.user == name and abs(login.time - last.time) <= NEAR for login in signed):
            what = f"has no sign-in of {name} at {_when(last.time)}, of which lastlog tells"
            yield _told(
                host,
                "/var/log/wtmp",
                "high",
                what,
                "Both are written by the same sign-in.",
                account=name,
                source=last.host,
            )


def _auth(host: str, logs: Logs) -> Iterator[Oddity]:
    """Sign-ins from elsewhere that wtmp or the journal has, and the log of sign-ins, of that time, has not."""
    auth = next((text for text in logs.texts if text.path in AUTH and text.stamps), None)
    if auth is None:
        return
    known = sorted(accepted.time for accepted in auth.accepted)
    remote = [
        (login.time, login.user, login.host, "wtmp") for login in logs.wtmp.logins if login.kind == USER and login.host
    ]
    for moment, user, source, witness in [*remote, *((*accepted, "the journal") for accepted in logs.journal.accepted)]:
        if auth.covers(moment) and not _near(known, moment) and not source.startswith((":", "tmux", "screen")):
            what = f"has no line of the sign-in of {user} at {_when(moment)}, of which {witness} tells"
            yield _told(
                host,
                auth.path,
                "high",
                what,
                "A sign-in by telnet or at a console has none either.",
                account=user,
                source=source,
            )


def _journal(host: str, logs: Logs) -> Iterator[Oddity]:
    """Numbers that are missing, and sign-ins that the log of sign-ins has and the journal has not."""
    for gap in logs.journal.gaps[:20]:
        what = f"lacks {gap.missing} entries between {_when(gap.after)} and {_when(gap.before)}"
        harmless = "Entries of users lie in files of their own, which may have been vacuumed, or may not be read."
        yield _told(host, "/var/log/journal", "medium", what, harmless, missing=gap.missing)
    known = sorted(moment for moment, *_ in logs.journal.accepted)
    for text in logs.texts:
        for accepted in text.accepted if text.path in AUTH else ():
            if logs.journal.covers(accepted.time) and not _near(known, accepted.time):
                what = f"has no entry of the sign-in of {accepted.user} at {_when(accepted.time)}, as {text.path} tells"
                yield _told(
                    host, "/var/log/journal", "high", what, "A log taken in from another machine has such lines."
                )


def _text(host: str, text: LogFile, logs: Logs) -> Iterator[Oddity]:
    if text.holes:
        copied = text.path in logs.emptied_in_place
        severity: Severity = "informational" if copied else "medium"
        harmless = (
            "logrotate empties it in place (copytruncate)." if copied else "logrotate does not empty it in place."
        )
        yield _told(host, text.path, severity, f"was emptied in place: it begins with {text.holes} zeros", harmless)
    if text.stamps and text.written > text.stamps[-1] + SILENT:
        what = f"was written to at {_when(text.written)}, and its last line is of {_when(text.stamps[-1])}"
        yield _told(host, text.path, "medium", what, "Who opens it in an editor and saves it does the same.")
    if not text.stamps and text.written and not text.size and _busy(text, logs):
        yield _told(
            host,
            text.path,
            "medium",
            f"was emptied at {_when(text.written)}, and other logs go on",
            "Just after a rotation it is empty too.",
        )
    yield from _runs_back(host, text)
    yield from _silent(host, text, logs)


def _busy(text: LogFile, logs: Logs) -> bool:
    """Whether others have written for hours since it was last written to."""
    return any(other.stamps and other.stamps[-1] > text.written + SILENT for other in logs.texts if other is not text)


def _runs_back(host: str, text: LogFile) -> Iterator[Oddity]:
    for before, after in pairwise(text.stamps):
        back = before - after
        summer_ends = abs(back - HOUR) < BACK
        if (
            back > BACK
            and not summer_ends
            and not any(abs(moment - after) < HOUR or abs(moment - before) < HOUR for moment in text.set)
        ):
            what = f"runs backwards from {_when(before)} to {_when(after)}"
            yield _told(
                host,
                text.path,
                "medium",
                what,
                "The log tells of no clock that was set; lines of other machines may come late.",
            )
            return


def _silent(host: str, text: LogFile, logs: Logs) -> Iterator[Oddity]:
    """A silence of hours, far longer than any other of this log, in which the machine ran and others wrote."""
    silences = sorted(((after - before, before, after) for before, after in pairwise(text.stamps)), reverse=True)[:2]
    if len(silences) < 2 or silences[0][0] < max(SILENT, RATHER * silences[1][0]):
        return
    _, before, after = silences[0]
    if any(login.kind == BOOT and before <= login.time <= after + NEAR for login in logs.wtmp.logins):
        return
    for name, stamps in _others(text, logs):
        between = bisect_left(stamps, after - NEAR) - bisect_left(stamps, before + NEAR)
        if between >= MEANWHILE:
            what = f"has no line between {_when(before)} and {_when(after)}, in which {name} has {between}"
            yield _told(
                host,
                text.path,
                "medium",
                what,
                "It was never silent so long before; the machine did not start meanwhile.",
            )
            return


def _others(text: LogFile, logs: Logs) -> Iterator[tuple[str, Sequence[float]]]:
    yield "the journal", sorted(logs.journal.stamps)
    yield from ((other.path, sorted(other.stamps)) for other in logs.texts if other is not text)


def _near(times: Sequence[float], moment: float) -> bool:
    at = bisect_left(times, moment - NEAR)
    return at < len(times) and times[at] <= moment + NEAR


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(moment))
