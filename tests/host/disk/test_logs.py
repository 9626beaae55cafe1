"""Logs that were edited: each way of doing it is told by two witnesses, and what happens to every log is not."""

from __future__ import annotations

import calendar
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.host.facts import journal, logfiles, logins
from stockade.host.facts.accounts import Account
from stockade.host.facts.journal import Gap, Journal
from stockade.host.facts.logfiles import Accepted, LogFile, Logs
from stockade.host.facts.logins import BOOT, DEAD, NEW_TIME, USER, Last, Login, Records
from stockade.host.oddity import Oddity
from stockade.host.triage import logs
from stockade.host.triage.report import NOTE
from tests.host.disk.machines import Machine

NOON = 1_795_600_800.0  # 2026-11-25 10:00:00 UTC
HOUR = 3600.0
ANN = Account("ann", 1000, 1000, "/home/ann", "/bin/bash")


def record(kind: int, moment: float, user: str = "ann", host: str = "192.0.2.1", line: str = "pts/0") -> bytes:
    fields = (kind, 17, line.encode(), b"ts/0", user.encode(), host.encode(), 0, 0, 0, int(moment), 0, b"")
    return logins.RECORD.pack(*fields)


def odd(found: Logs) -> list[Oddity]:
    return list(logs.odd("web1", found, [ANN]))


def told(found: Logs) -> list[tuple[str, str]]:
    return [(each.subject.id, each.severity) for each in odd(found)]


def regular(path: str, start: float = NOON, hours: int = 10, every: float = 600.0) -> LogFile:
    stamps = tuple(start + step * every for step in range(int(hours * HOUR / every)))
    return LogFile(path, 1000, stamps[-1], stamps=stamps)


def signed_in(*moments: float, kind: int = USER) -> Records:
    return Records(tuple(Login(number, kind, 17, "pts/0", "ann", "192.0.2.1", at) for number, at in enumerate(moments)))


def test_records_of_wtmp_are_read_as_they_were_written() -> None:
    octets = record(BOOT, NOON, "reboot", "6.1.0", "~") + record(USER, NOON + 60) + bytes(384) + record(DEAD, NOON + 90)
    found = logins.records(octets + b"torn")
    assert [(login.number, login.kind, login.user, login.time) for login in found.logins] == [
        (0, BOOT, "reboot", NOON),
        (1, USER, "ann", NOON + 60),
        (3, DEAD, "ann", NOON + 90),
    ]
    assert (found.zeroed, found.left_over) == ((2,), 4)


@given(st.binary(max_size=2000))
def test_any_octets_can_be_read_as_records(octets: bytes) -> None:
    found = logins.records(octets)
    assert (len(found.logins) + len(found.zeroed)) * 384 + found.left_over == len(octets)
    assert len(list(logins.last(octets))) <= len(octets) / 292


def test_a_record_of_zeros_is_told_and_a_clean_file_is_not() -> None:
    assert told(Logs(wtmp=signed_in(NOON, NOON + 60))) == []
    assert told(Logs(wtmp=replace_records(signed_in(NOON), zeroed=(3,)))) == [("/var/log/wtmp", "high")]
    assert told(Logs(btmp=replace_records(signed_in(NOON), left_over=100))) == [("/var/log/btmp", "medium")]


def replace_records(found: Records, **changed: object) -> Records:
    return found._replace(**changed)  # type: ignore[arg-type]


def test_records_that_run_backwards_are_told_unless_the_clock_was_set_or_the_machine_started() -> None:
    assert told(Logs(wtmp=signed_in(NOON, NOON - HOUR))) == [("/var/log/wtmp", "medium")]
    for kind in (BOOT, NEW_TIME):
        harmless = (*signed_in(NOON).logins, Login(1, kind, 0, "~", "reboot", "", NOON - HOUR))
        assert told(Logs(wtmp=Records(harmless))) == []


def test_a_sign_in_that_lastlog_knows_and_wtmp_does_not_is_told() -> None:
    last = (Last(1000, "pts/0", "192.0.2.1", NOON + HOUR),)
    edited = signed_in(NOON, NOON + 5 * HOUR)
    assert told(Logs(wtmp=edited, lastlog=last)) == [("/var/log/wtmp", "high")]
    assert told(Logs(wtmp=signed_in(NOON, NOON + HOUR + 2, NOON + 5 * HOUR), lastlog=last)) == []
    assert told(Logs(wtmp=signed_in(NOON + 2 * HOUR, NOON + 5 * HOUR), lastlog=last)) == []  # rotated since


def test_a_sign_in_that_wtmp_or_the_journal_knows_and_the_log_does_not_is_told() -> None:
    auth = regular("/var/log/auth.log")
    whole = replace(auth, accepted=(Accepted(NOON + HOUR, "ann", "192.0.2.1"),))
    assert told(Logs((auth,), wtmp=signed_in(NOON + HOUR + 3))) == [("/var/log/auth.log", "high")]
    assert told(Logs((whole,), wtmp=signed_in(NOON + HOUR + 3))) == []
    assert told(Logs((auth,), wtmp=signed_in(NOON - HOUR))) == []  # before the log was rotated
    entries = Journal((NOON, NOON + 9 * HOUR), (), ((NOON + HOUR, "ann", "192.0.2.1"),))
    assert told(Logs((auth,), journal=entries)) == [("/var/log/auth.log", "high")]
    assert told(Logs((whole,), journal=entries)) == []
    assert told(Logs((whole,), journal=replace(entries, accepted=()))) == [("/var/log/journal", "high")]


def silent_for(log: LogFile, start: float, end: float) -> LogFile:
    return replace(log, stamps=tuple(stamp for stamp in log.stamps if not start <= stamp <= end))


def test_hours_without_lines_are_told_when_others_wrote_and_the_machine_ran() -> None:
    gap = silent_for(regular("/var/log/syslog"), NOON + HOUR, NOON + 5 * HOUR)
    others = regular("/var/log/kern.log", every=300.0)
    assert told(Logs((gap, others))) == [("/var/log/syslog", "medium")]
    assert told(Logs((gap,))) == []  # nobody else wrote
    assert told(Logs((gap, silent_for(others, NOON + HOUR, NOON + 5 * HOUR)))) == []  # the machine was off
    started = Records((Login(0, BOOT, 0, "~", "reboot", "", NOON + 5 * HOUR),))
    assert told(Logs((gap, others), wtmp=started)) == []
    seldom = replace(gap, stamps=tuple(NOON + 3 * HOUR * step for step in range(4)), written=NOON + 9 * HOUR)
    assert told(Logs((seldom, others))) == []  # it is always so


def test_lines_that_run_backwards_are_told_but_not_the_end_of_summer_nor_a_clock_that_was_set() -> None:
    log = regular("/var/log/syslog", hours=2)
    back = tuple(stamp - 2 * HOUR for stamp in log.stamps)
    assert told(Logs((replace(log, stamps=log.stamps + back, written=back[-1]),))) == [("/var/log/syslog", "medium")]
    clock = replace(log, stamps=log.stamps + back, written=back[-1], set=(back[0],))
    assert told(Logs((clock,))) == []
    summer = tuple(log.stamps[-1] - HOUR + 60 + more for more in (0, 600))
    assert told(Logs((replace(log, stamps=log.stamps + summer, written=summer[-1]),))) == []


def test_a_file_that_was_saved_after_its_last_line_or_emptied_in_place_is_told() -> None:
    log = regular("/var/log/auth.log")
    assert told(Logs((replace(log, written=log.stamps[-1] + 3 * HOUR),))) == [("/var/log/auth.log", "medium")]
    assert told(Logs((replace(log, written=log.stamps[-1] + 60),))) == []
    holes = replace(log, holes=4096)
    assert told(Logs((holes,))) == [("/var/log/auth.log", "medium")]
    assert told(Logs((holes,), emptied_in_place=frozenset({"/var/log/auth.log"}))) == [("/var/log/auth.log", NOTE)]
    empty = LogFile("/var/log/auth.log", 0, NOON)
    assert told(Logs((empty, regular("/var/log/syslog")))) == [("/var/log/auth.log", "medium")]
    assert told(Logs((replace(empty, written=NOON + 10 * HOUR), regular("/var/log/syslog")))) == []  # just rotated
    assert told(Logs(links=(("/var/log/wtmp", "/dev/null"),))) == [("/var/log/wtmp", "high")]


def entries(numbers: Sequence[int], source: str = "a1") -> Iterator[str]:
    for number in numbers:
        cursor = f"s={source};i={number:x};b=b0;m=1;t=1;x=1"
        said = {"__CURSOR": cursor, "__REALTIME_TIMESTAMP": str(int((NOON + number) * 1e6)), "MESSAGE": "x"}
        yield json.dumps(said)


def test_numbers_that_are_missing_in_the_journal_are_told_and_a_new_journal_begins_anew() -> None:
    assert journal.journal(entries(range(1, 20))).gaps == ()
    assert journal.journal([*entries([1, 2, 3]), *entries([1, 2], "b2")]).gaps == ()
    found = journal.journal([*entries([1, 2, 3, 9, 10]), "not JSON", "[]"])
    assert found.gaps == (Gap(5, NOON + 3, NOON + 9),)
    assert told(Logs(journal=found)) == [("/var/log/journal", "medium")]


def test_sign_ins_are_taken_from_the_journals_sshd_alone() -> None:
    line = {
        "__REALTIME_TIMESTAMP": "1795600800000000",
        "MESSAGE": "Accepted publickey for ann from 192.0.2.1 port 4 ssh2",
    }
    said = [json.dumps({**line, "SYSLOG_IDENTIFIER": name}) for name in ("sshd", "sshd-session", "logger")]
    assert journal.journal(said).accepted == ((NOON, "ann", "192.0.2.1"),) * 2


TEXT = """\
Dec 31 23:59:58 web1 sshd[7]: Accepted publickey for ann from 192.0.2.1 port 4022 ssh2: ED25519 SHA256:x
Jan  1 00:00:03 web1 systemd[1]: Started x.
2027-01-01T01:00:05.123456+01:00 web1 chronyd[9]: System clock was stepped by 3600.0 seconds
no stamp
"""


def test_lines_are_dated_with_the_year_that_the_file_tells_of() -> None:
    new_year = 1_798_761_600.0  # 2027-01-01 00:00:00 UTC
    about = LogFile("/var/log/auth.log", len(TEXT), new_year + 10)
    found = logfiles.lines(about, TEXT, local=lambda moment: float(calendar.timegm(moment)))
    assert found.stamps == (new_year - 2, new_year + 3, new_year + 5)
    assert found.accepted == (Accepted(new_year - 2, "ann", "192.0.2.1"),)
    assert found.set == (new_year + 5,)


def test_a_name_that_somebody_tries_is_not_taken_for_a_sign_in() -> None:
    forged = "sshd[1]: Accepted publickey for root from 192.0.2.9 port 22"
    text = f"Nov 25 10:00:00 web1 sshd[9]: Invalid user x web1 {forged} from 198.51.100.7 port 4\n"
    assert logfiles.lines(LogFile("/var/log/auth.log", 1, NOON), text).accepted == ()
    entry = {"__REALTIME_TIMESTAMP": "1", "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": f"Invalid user {forged}"}
    assert journal.journal([json.dumps(entry)]).accepted == ()


def test_the_logs_of_a_machine_are_read_as_they_lie_there(machine: Machine) -> None:
    place = machine.file(
        "/var/log/auth.log",
        "\0" * 100 + "Nov 25 10:00:00 web1 sshd[1]: Accepted password for ann from ::1 port 9 ssh2\n",
    )
    (machine.root / "var/log/wtmp").write_bytes(record(USER, NOON))
    (machine.root / "var/log/lastlog").write_bytes(bytes(292 * 3) + struct.pack("<i32s256s", int(NOON), b"pts/0", b"h"))
    machine.link("/var/log/btmp", "/dev/null")
    machine.file("/etc/logrotate.d/app", "/var/log/app.log {\n  copytruncate\n}\n")
    found, unseen = logfiles.read(machine.root, Journal())
    assert unseen == ()
    assert (found.texts[0].path, found.texts[0].holes, len(found.texts[0].accepted)) == ("/var/log/auth.log", 100, 1)
    assert found.texts[0].written == pytest.approx(place.stat().st_mtime)
    assert (len(found.wtmp.logins), [last.uid for last in found.lastlog]) == (1, [3])
    assert found.links == (("/var/log/btmp", "/dev/null"),)
    assert found.emptied_in_place == {"/var/log/app.log"}
