"""What would these rules have done to that old log?"""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.errors import ConfigurationError, Unavailable
from stockade.guard.conditions import credentials, header, method, network, path, query, status
from stockade.guard.gate import Guard
from stockade.guard.logs import replay
from stockade.guard.logs.hindsight import Report
from stockade.guard.policy import Policy
from stockade.guard.rules import Allow2Ban, Blocklist, Fail2Ban, Rule, Safelist, Throttle, Track
from tests.lines.logs import NOON, access, guess

SIGN_IN = "POST /users/sign_in HTTP/1.1"
THROTTLE = Throttle("sign-in", limit=10, period=60, when=path("/users/sign_in") & method("POST"))
GUESSING = Allow2Ban("guessing", maxretry=3, findtime=60, bantime=600, when=status(401))


def replayed(lines: list[str], *rules: Rule, shortcut: bool = True, format: str | None = None) -> Report:
    log = io.BytesIO("\n".join(lines).encode())
    return replay.run(log, Policy(rules), shortcut=shortcut, format=format)


def test_a_throttle_would_have_refused_the_eleventh() -> None:
    report = replayed([access(request=SIGN_IN, status=200, at=NOON + n) for n in range(12)], THROTTLE)
    assert (report.lines, report.requests, report.refused, report.clients) == (12, 12, 2, 1)
    row = report.rows[0]
    assert (row.client, row.rule, row.kind, row.requests) == ("192.0.2.1", "sign-in", "throttle", 2)
    assert (row.first, row.last) == (NOON + 10, NOON + 11)


def test_the_log_goes_by_its_own_clock() -> None:
    slow = [access(request=SIGN_IN, at=NOON + 60 * n) for n in range(30)]
    assert replayed(slow, THROTTLE).refused == 0
    assert (replayed(slow, THROTTLE).first, replayed(slow, THROTTLE).last) == (NOON, NOON + 29 * 60)


def test_failures_are_judged_by_the_status_that_was_logged() -> None:
    lines = [access(request=SIGN_IN, status=401, at=NOON + n) for n in range(5)]
    lines.append(access(request=SIGN_IN, status=401, at=NOON + 700))
    report = replayed(lines, GUESSING)
    row = report.rows[0]
    assert (row.bans, row.requests, row.until) == (1, 2, NOON + 2 + 600)
    assert (row.first, row.evidence) == (NOON + 2, "POST /users/sign_in 401")
    assert report.rules[0].bans == 1


def test_what_would_have_been_refused_did_not_fail() -> None:
    throttle = Throttle("one", limit=1, period=3600)
    report = replayed([access(status=401, at=NOON + n) for n in range(9)], throttle, GUESSING)
    assert report.refused == 8
    assert report.rules[1].bans == 0


def test_those_who_also_signed_in_properly_are_told_apart() -> None:
    lines = [access("192.0.2.1", SIGN_IN, 401, NOON + n) for n in range(5)]
    lines += [access("192.0.2.2", SIGN_IN, 401, NOON + 5 + n) for n in range(3)]
    lines += [access("192.0.2.2", SIGN_IN, 302, NOON + 20), access("192.0.2.3", SIGN_IN, 302, NOON + 21)]
    report = replayed(lines, GUESSING)
    assert (report.clients, report.signed_in, report.refused_sign_ins) == (2, 1, 1)
    assert [(row.client, row.signed_in, row.refused_sign_ins) for row in report.rows] == [
        ("192.0.2.2", 1, 1),
        ("192.0.2.1", 0, 0),
    ]


def test_a_page_that_shows_itself_again_is_no_sign_in_and_an_endpoint_that_answers_is() -> None:
    lines = [access("192.0.2.1", SIGN_IN, 200), access("192.0.2.2", "POST /oauth/token HTTP/1.1", 200)]
    everybody = Throttle("nobody", limit=0, period=60)
    assert {row.client: row.signed_in for row in replayed(lines, everybody).rows} == {"192.0.2.1": 0, "192.0.2.2": 1}


def test_shadow_rules_and_tracks_are_noted_and_refuse_nothing() -> None:
    rules = (replace(GUESSING, shadow=True), Track("seen", path("/users/sign_in")))
    report = replayed([access(request=SIGN_IN, status=401, at=NOON + n) for n in range(5)], *rules)
    assert (report.refused, report.clients) == (0, 0)
    assert [(t.rule, t.shadow, t.requests, t.bans) for t in report.rules] == [
        ("guessing", True, 2, 1),
        ("seen", False, 5, 0),
    ]


def test_lists_and_fail2ban_are_judged_like_in_front() -> None:
    rules = (
        Safelist("office", network("198.51.100.0/24")),
        Blocklist("bad", network("203.0.113.0/24")),
        Fail2Ban("probing", maxretry=2, findtime=60, bantime=600, when=path("/.env")),
    )
    lines = [access("198.51.100.1", "GET /.env HTTP/1.1", 404), access("203.0.113.1")]
    lines += [access("192.0.2.1", "GET /.env HTTP/1.1", 404, NOON + n) for n in range(2)]
    lines += [access("192.0.2.1", "GET / HTTP/1.1", 200, NOON + 9)]
    report = replayed(lines, *rules)
    assert {row.client: (row.rule, row.requests, row.bans) for row in report.rows} == {
        "203.0.113.1": ("bad", 1, 0),
        "192.0.2.1": ("probing", 3, 1),
    }


def test_operators_and_declared_proxies_are_spared() -> None:
    guard = Guard(GUESSING, operators=["192.0.2.1"])
    log = io.BytesIO("\n".join(access(status=401, at=NOON + n) for n in range(9)).encode())
    report = replay.run(log, guard)
    assert (report.refused, report.rules[0].bans) == (0, 0)
    assert report.rules[0].spared > 0
    assert guard.bans() == []


def test_sshd_is_judged_by_the_same_rules() -> None:
    rule = Allow2Ban("ssh", maxretry=3, findtime=60, bantime=600, when=path("/ssh") & status(401))
    report = replayed([guess(at=NOON + n, user="root") for n in range(5)], rule)
    assert (report.format, report.refused, report.rows[0].bans) == ("sshd", 2, 1)


def test_unreadable_lines_are_counted_and_the_first_are_shown_escaped() -> None:
    lines = [access(), "\x1b[2Jjunk", "", *["more junk"] * 9, access()]
    report = replayed(lines, THROTTLE)
    assert (report.lines, report.requests, report.unreadable) == (12, 2, 10)
    assert len(report.examples) == 5
    assert report.examples[0].endswith(r": \x1b[2Jjunk")


def test_lines_out_of_order_are_counted_all_the_same() -> None:
    lines = [access(request=SIGN_IN, at=NOON + (n if n % 2 else -n)) for n in range(20)]
    report = replayed(lines, THROTTLE)
    assert (report.refused, report.remarks) == (10, ())


def test_an_older_log_that_follows_begins_anew() -> None:
    newer = [access(status=401, at=NOON + n) for n in range(3)]
    older = [access(status=401, at=NOON - 86_400 + n * 100) for n in range(40)]
    report = replayed(newer + older, GUESSING)
    assert report.rules[0].bans == 1
    assert "went back 1 times" in report.remarks[0]
    assert report.refused == 9, "while it may still be a straggler it is refused by the ban that stands"


def test_a_compressed_log_and_one_that_is_cut_short(tmp_path: Path) -> None:
    text = "\n".join(access(request=SIGN_IN, at=NOON + n) for n in range(20_000)).encode()
    whole, cut = tmp_path / "whole.log.gz", tmp_path / "cut.log"
    whole.write_bytes(gzip.compress(text))
    cut.write_bytes(gzip.compress(text)[:-2000])
    seen: list[tuple[int, int | None]] = []
    report = replay.run(whole, Policy([THROTTLE]), progress=lambda done, total: seen.append((done, total)))
    assert (report.lines, report.source) == (20_000, str(whole))
    assert seen[-1][1] == whole.stat().st_size >= seen[-1][0] > 0
    assert "ends early" in replay.run(cut, Policy([THROTTLE])).remarks[0]


def test_standard_input_can_be_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(access().encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert replay.run("-", Policy([THROTTLE])).requests == 1


def test_an_empty_log_an_unknown_one_and_none_at_all(tmp_path: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.touch()
    assert (replay.run(empty, Policy([THROTTLE])).lines, replay.run(empty, Policy([THROTTLE])).format) == (0, "")
    with pytest.raises(ConfigurationError, match="none of the formats"):
        replayed(["?", "??"], THROTTLE)
    with pytest.raises(Unavailable, match="cannot be read"):
        replay.run(tmp_path / "none.log", Policy([THROTTLE]))


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    log.write_bytes(access().encode() + b"\n" + b"x" * 5_000_000 + b"\n" + access().encode())
    report = replay.run(log, Policy([THROTTLE]))
    assert (report.requests, report.unreadable) == (2, 1)


def test_an_undeclared_proxy_is_named() -> None:
    lines = [access("127.0.0.1", status=401, at=NOON + n) + ' "203.0.113.9"' for n in range(5)]
    report = replayed(lines, GUESSING)
    assert report.refused == 0
    assert "trusted_proxies" in report.remarks[0]


def test_the_report_is_json_with_times_that_people_read() -> None:
    found = replayed([access(status=401, at=NOON + n) for n in range(5)], GUESSING).as_json()
    assert json.loads(json.dumps(found))["rules"][0]["bans"] == 1
    assert found["first"] == "2023-11-15T12:00:00Z"
    assert found["rows"][0]["until"] == "2023-11-15T12:10:02Z"


# ── the shortcut ─────────────────────────────────────────────────────────────────────────────────

RULES: list[Rule] = [
    Safelist("office", network("192.0.2.8/30") & path("/a")),
    Safelist("agent", header("user-agent", "friend")),
    Blocklist("blocked", network("192.0.2.3") | path("/blocked")),
    Blocklist("blocked in shadow", path("/b"), shadow=True),
    Throttle("all", limit=5, period=60),
    Throttle("fixed", limit=4, period=30, window="fixed"),
    Throttle("paced", limit=30, period=60, window="gcra", when=path("/a", "/b")),
    Throttle("failures", limit=2, period=60, when=status("4xx")),
    Throttle("together", limit=9, period=60, by="everyone"),
    Throttle("by agent", limit=3, period=60, by="header:user-agent"),
    Throttle("by page", limit=3, period=60, by="query:page"),
    Throttle("by login", limit=2, period=60, by="login"),
    Throttle("dear", limit=20, period=60, cost=lambda request: len(request.path)),
    Throttle("in shadow", limit=1, period=60, shadow=True),
    Allow2Ban("guessing", maxretry=3, findtime=60, bantime=[50, 100], when=status(401)),
    Allow2Ban("credentials", maxretry=2, findtime=60, bantime=80, when=status(401) & credentials()),
    Allow2Ban("cleared", maxretry=3, findtime=90, bantime=60, when=status(401), reset=status(200)),
    Allow2Ban("only there", maxretry=2, findtime=60, bantime=60, when=status(404), over=path("/a")),
    Allow2Ban("banned in shadow", maxretry=2, findtime=60, bantime=60, when=query("page"), shadow=True),
    Fail2Ban("probing", maxretry=2, findtime=60, bantime=40, when=path("/.env")),
    Track("tracked", path("/b")),
    Track("tracked failures", status(404)),
    Track("tracked when many", path("/a"), limit=2, period=60),
]
REQUESTS = [
    "GET /a",
    "GET //a/",
    "GET /b?page=1",
    "GET /b?page=2",
    "GET /blocked",
    "GET /.env",
    "POST /login",
    r"GET /\"",
]
LINES = st.builds(
    access,
    address=st.sampled_from([f"192.0.2.{n}" for n in (1, 2, 3, 9)] + ["2001:db8::1", "2001:db8::2", "127.0.0.1"]),
    request=st.sampled_from([f"{request} HTTP/1.1" for request in REQUESTS] + ["-"]),
    status=st.sampled_from([200, 302, 401, 404]),
    at=st.one_of(st.integers(0, 100), st.integers(-900, 900)).map(lambda seconds: NOON + seconds),
    user=st.sampled_from(["-", "-", "-", "alice"]),
    agent=st.sampled_from(["curl", "friend", "-"]),
)


BROKEN = st.builds(
    lambda line, cut, junk: line[:cut] + junk, LINES, st.integers(0, 120), st.sampled_from(["", '"', " x"])
)


@given(lines=st.lists(LINES | BROKEN, max_size=60), rules=st.lists(st.sampled_from(RULES), max_size=6, unique_by=id))
def test_the_shortcut_finds_what_judging_in_full_finds(lines: list[str], rules: list[Rule]) -> None:
    lines = [access(), *lines, *lines[:20]]
    quick, full = (replayed(lines, *rules, shortcut=shortcut) for shortcut in (True, False))
    assert replace(quick, seconds=0.0) == replace(full, seconds=0.0)


def test_the_shortcut_counts_stragglers_and_older_logs_alike() -> None:
    moments = [*range(5), *[-1000] * 4, 6, *[-1000] * 6, 7, *range(-2000, -1900, 5), 8, *range(20)]
    lines = [access(status=401, at=NOON + moment) for moment in moments]
    quick, full = (replayed(lines, GUESSING, RULES[4], shortcut=shortcut) for shortcut in (True, False))
    assert replace(quick, seconds=0.0) == replace(full, seconds=0.0)
    assert "went back" in full.remarks[0]
