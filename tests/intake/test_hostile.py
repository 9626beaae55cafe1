"""Whatever a line may hold: secrets are struck out, sizes bounded, and nothing but the one refusal is raised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.actions import BEHAVIOUR_OF
from stockade.audit.record import body_of
from stockade.intake import foreign
from stockade.intake.arrivals import arrivals
from stockade.intake.formats import FORMATS
from stockade.intake.formats.mapped import parse
from stockade.lines.line import Unreadable
from tests.intake.lines import MAPPING, NOON, reading

AT = "2023-11-15T12:00:00.000Z"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "user[password]",
        "private_token",
        "Authorization",
        "X-Gitlab-Token",
        "apiKey",
        "client_secret",
        "csrf",
    ],
)
def test_a_value_whose_name_says_that_it_is_a_secret_is_struck_out(name: str) -> None:
    assert foreign.value({name: "hunter2", "list": [{"key": name, "value": "hunter2"}]}) == {
        name: "[redacted]",
        "list": [{"key": name, "value": "[redacted]"}],
    }


@pytest.mark.parametrize("name", ["token_id", "token_type", "keyboard", "passwords_changed", "secretary", "key_id"])
def test_a_value_that_only_tells_about_one_is_kept(name: str) -> None:
    assert foreign.value({name: "7"}) == {name: "7"}


@pytest.mark.parametrize(
    "text",
    [
        "used glpat-{} today",
        "ghp_{}",
        "Authorization: Bearer {}",
        "authorization=Basic {}",
        "https://alice:{}@git.example/x",
        "/p?private_token={}",
        "/p?a=1&access_token={}&b=2",
        "/u?user%5Bpassword%5D={}",
        "/cb?code={}&state=2",
        "Private-Token: {}",
    ],
)
def test_a_text_loses_what_looks_like_a_secret(text: str) -> None:
    secret = "aBcDeF0123456789aBcDeF"
    assert secret not in foreign.clean(text.format(secret))


def test_a_foreign_event_is_bounded() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = {"a": [deep]}
    huge = {str(number): "ä" * 5000 for number in range(5000)}
    for found in (deep, huge, {"n": 10**4000, "f": float("nan")}):
        assert len(json.dumps(foreign.whole(found))) < 30_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        "time",
        "created_at",
        "details",
        "author_id",
        "author_name",
        "event_type",
        "entity_type",
        "target_id",
        "add",
        "id",
        "custom_message",
        "status",
        "method",
        "path",
        "message",
        "params",
        "controller",
        "action",
        "remote_ip",
        "name",
        "MESSAGE",
        "__REALTIME_TIMESTAMP",
        "PRIORITY",
        "_PID",
        "Records",
        "eventName",
        "eventTime",
        "userIdentity",
    ]
)
TIMES = st.sampled_from([AT, "1700049600000000", 1700049600.0, "2023-11-15", "9999-12-31T23:59:59Z", "0001-01-01", -1])
OBJECTS = st.dictionaries(KEYS, JSON | TIMES, max_size=10).map(json.dumps)
STARTS = ["<38>1 2023-11-15T12:00:00.1Z h a 1 - - ", '<38>1 - - - - - [a b="c"] ', "Nov 15 12:00:00 h sshd[1]: "]
STARTS += ["2023-11-15T12:00:00Z h sudo: ", "2023/11/15 12:00:00 x ", "Feb 29 12:00:00 h sshd[1]: Failed password for "]
STARTS += ['192.0.2.1 - - [15/Nov/2023:12:00:00 +0000] "', "# ", "{", "sshd[1]: message repeated 999999 times: [ "]
PARTS = [
    "Failed password for ",
    " from 192.0.2.1 port 4 ssh2",
    " : TTY=",
    " ; COMMAND=",
    '" 200 1 "',
    "\x1b[2J",
    "\u202e",
]
TEXTS = st.lists(st.sampled_from(PARTS) | st.text(max_size=20), max_size=6).map("".join)
LINES = OBJECTS | JSON.map(json.dumps) | st.text(max_size=200) | st.tuples(st.sampled_from(STARTS), TEXTS).map("".join)


@settings(max_examples=150, deadline=None)
@given(format=st.sampled_from([*FORMATS, "json"]), lines=st.lists(LINES, max_size=6))
def test_whatever_a_line_holds_it_is_read_or_refused_and_fits_the_log(format: str, lines: list[str]) -> None:
    read = reading(format, mapping=parse(MAPPING, where="vault.toml") if format == "json" else None)
    for line in lines:
        try:
            found = read(line)
        except Unreadable:
            found = ()
        kept = arrivals(read, line.encode("utf-8", "replace"), id="1", now=NOON)
        for said in [each.event for each in found] + [each.event for each in kept]:
            assert said.action in BEHAVIOUR_OF
            body = body_of(said)
            assert not json.loads(body).get("details", {}).keys() & {"oversize", "unwritable"}
            assert b"\x1b" not in body
