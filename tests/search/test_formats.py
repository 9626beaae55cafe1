"""Other programs read what is exported: every action in every format, by the rules of that format."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.actions import BEHAVIOUR_OF
from stockade.events import Entry, Event, Ref
from stockade.search.formats import FORMATS
from stockade.search.formats.canonical import canonical
from stockade.search.formats.cef import line as cef_line
from stockade.search.formats.csv import COLUMNS, HEADING, safe
from stockade.search.formats.csv import line as csv_line
from stockade.search.formats.ecs import as_ecs
from stockade.search.formats.ocsf import as_ocsf, attested
from stockade.search.formats.timesketch import as_timesketch
from tests.search.conftest import ALICE, BOB, NOW, ORIGIN, entry
from tests.search.ocsf_schema import validator_of

TEXTS = st.text(max_size=20) | st.sampled_from(["a|b=c\\d\ne", "\x1b[2J", "\u202e", "\ud800", "=1+1", "\r\n", "\u2028"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
REFS = st.none() | st.builds(Ref, TEXTS, st.sampled_from(["user", "token", "project"]), TEXTS)
EVENTS = st.builds(
    Event,
    time=st.floats(-1e9, 4e9),
    action=st.sampled_from(sorted(BEHAVIOUR_OF)) | TEXTS,
    actor=REFS,
    target=REFS,
    source=st.none() | st.sampled_from(["203.0.113.9", "2001:db8::1", "bastion"]) | TEXTS,
    outcome=st.sampled_from(["success", "failure", "refused", "unknown"]),
    details=st.dictionaries(
        TEXTS | st.sampled_from(["method", "path", "status", "title", "techniques"]), JSON, max_size=4
    ),
)
ENTRIES = st.builds(Entry, st.integers(0, 2**40), st.floats(0, 4e9), EVENTS, st.just(ORIGIN) | TEXTS)


def every_action() -> Iterator[Entry]:
    for number, action in enumerate(sorted(BEHAVIOUR_OF)):
        for details in ({}, {"method": "POST", "path": "/x", "status": 403, "title": "t", "severity": "high"}):
            yield entry(number, action, target=BOB, details=details)
            yield entry(number, action, actor=None, target=Ref("gitlab", "group", "3"), source=None, outcome="refused")


@given(ENTRIES)
@pytest.mark.parametrize("name", FORMATS)
def test_whatever_the_entry_it_is_one_line_that_can_be_written(name: str, each: Entry) -> None:
    line = FORMATS[name].line(each)
    line.encode("utf-8")
    if name == "csv":
        assert len(list(csv.reader(io.StringIO(line, newline="")))) == 1
    else:
        assert line.endswith("\n")
        assert all(letter.isprintable() for letter in line[:-1])


# ── OCSF ─────────────────────────────────────────────────────────────────────────────────────────


@given(ENTRIES)
def test_an_event_of_ocsf_keeps_to_its_class(each: Entry) -> None:
    keeps_to_its_class(as_ocsf(each))
    keeps_to_its_class(attested(each))


def test_every_action_has_a_class_of_ocsf_and_keeps_to_it() -> None:
    for each in every_action():
        keeps_to_its_class(as_ocsf(each))


def keeps_to_its_class(found: Mapping[str, Any]) -> None:
    read = json.loads(json.dumps(found))
    errors = [error.message for error in validator_of(read).iter_errors(read)]
    assert not errors, (errors, read)
    assert read["type_uid"] == read["class_uid"] * 100 + read["activity_id"]
    assert read["category_uid"] == read["class_uid"] // 1000


@pytest.mark.parametrize(
    ("action", "type_uid"),
    [
        ("authentication.failure", 300201),
        ("session.end", 300202),
        ("password.change", 300103),
        ("user.block", 300105),
        ("factor.remove", 300111),
        ("token.create", 300401),
        ("runner.remove", 300404),
        ("member.add", 300603),
        ("repository.export", 600107),
        ("log.opened", 100806),
        ("finding.create", 200401),
        ("guard.throttle", 400299),
        ("unknown", 99),
    ],
)
def test_actions_are_the_types_that_a_reader_of_ocsf_looks_for(action: str, type_uid: int) -> None:
    assert as_ocsf(entry(1, action))["type_uid"] == type_uid


def test_a_refused_request_says_what_the_guard_did() -> None:
    found = as_ocsf(entry(1, "guard.throttle", outcome="refused", details={"method": "GET", "path": "/x"}))
    assert (found["action_id"], found["disposition_id"], found["activity_id"], found["status_id"]) == (2, 2, 3, 2)
    assert found["http_request"] == {"http_method": "GET", "url": {"path": "/x"}}
    assert found["metadata"]["profiles"] == ["host", "security_control"]  # type: ignore[index]


def test_the_attestation_can_be_made_again_by_whoever_has_the_event() -> None:
    found = attested(entry(7, details={"x": 1.5, "b": [1e21, 1e-7, -0.0], "a": "ö"}))
    assert found["metadata"]["version"] == "1.9.0"  # type: ignore[index]
    fingerprint = found["attestation"].pop("fingerprint")  # type: ignore[attr-defined]
    assert fingerprint["value"] == sha256(canonical(found)).hexdigest()
    assert found["attestation"]["chain_uid"] == ORIGIN  # type: ignore[index]


@pytest.mark.parametrize(
    ("number", "written"),
    [  # RFC 8785, Appendix B
        (0.0, "0"), (-0.0, "0"), (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"), (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"), (1e23, "1e+23"),
        (999999999999999700000.0, "999999999999999700000"),
        (1e21, "1e+21"), (9.999999999999997e-7, "9.999999999999997e-7"), (0.000001, "0.000001"),
        (333333333.3333332, "333333333.3333332"), (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1424953923781206.2, "1424953923781206.2"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_the_canonical_form_wants_them(number: float, written: str) -> None:
    assert canonical([number]) == f"[{written}]".encode()


def test_the_canonical_form_sorts_and_escapes_as_the_standard_shows() -> None:
    # RFC 8785, section 3.2.2 and 3.2.3
    value = {"\u20ac": 1, "\r": 2, "\U0001f600": 3, "1": 4, "\u0080": '\u000f\n"\\/', "\ufb33": [True, None], "ö": {}}
    expected = '{"\\r":2,"1":4,"\u0080":"\\u000f\\n\\"\\\\/","ö":{},"\u20ac":1,"\U0001f600":3,"\ufb33":[true,null]}'
    assert canonical(value) == expected.encode()


# ── ECS ──────────────────────────────────────────────────────────────────────────────────────────

EXPECTED = {  # the types that each category of ECS 8.11 expects
    "authentication": {"start", "end", "info"},
    "configuration": {"access", "change", "creation", "deletion", "info"},
    "file": {"access", "change", "creation", "deletion", "info"},
    "host": {"access", "change", "end", "info", "start"},
    "iam": {"admin", "change", "creation", "deletion", "group", "info", "user"},
    "intrusion_detection": {"allowed", "denied", "info"},
    "network": {"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"},
    "process": {"access", "change", "end", "info", "start"},
    "web": {"access", "error", "info"},
}


def test_every_action_has_a_category_and_a_type_that_ecs_expects_together() -> None:
    for each in every_action():
        event: Any = as_ecs(each)["event"]
        for category in event.get("category", []):
            assert set(event["type"]) <= EXPECTED[category], (each.event.action, event)
        assert event["kind"] in {"event", "alert"}
        assert event["outcome"] in {"success", "failure", "unknown"}


def test_a_document_of_ecs_says_who_whom_and_from_where() -> None:
    found: Any = as_ecs(entry(1, "member.add", target=BOB))
    assert found["@timestamp"] == "2027-01-15T08:01:00.000000Z"
    assert found["user"]["name"] == "alice"
    assert found["user"]["target"]["name"] == "bob"
    assert found["source"] == {"address": "203.0.113.9", "ip": "203.0.113.9"}
    assert found["related"] == {"ip": ["203.0.113.9"], "user": ["alice", "bob"]}
    assert found["ecs"]["version"] == "8.11.0"


# ── CEF ──────────────────────────────────────────────────────────────────────────────────────────


def understood(line: str) -> tuple[list[str], dict[str, str]]:
    """A line of CEF as a program reads it that knows nothing of ours."""
    parts = re.split(r"(?<!\\)\|", line.replace("\\\\", "\0"), maxsplit=7)
    head = [part.replace("\\|", "|").replace("\0", "\\") for part in parts[:7]]
    extensions = parts[7].rstrip("\n")
    found = {}
    for name, value in re.findall(r"(\w+)=((?:[^=\\]|\\.)*?)(?=\s\w+=|$)", extensions):
        plain = value.replace("\\=", "=").replace("\\n", "\n").replace("\\r", "\r").replace("\0", "\\")
        found[name] = plain
    return head, found


@given(ENTRIES)
def test_a_line_of_cef_can_be_taken_apart_again(each: Entry) -> None:
    head, found = understood(cef_line(each))
    assert head[:3] == ["CEF:0", "Stockade", "Stockade"]
    assert len(head) == 7
    assert 0 <= int(head[6]) <= 10
    assert found["rt"] == str(round(each.recorded * 1000))
    assert found["end"] == str(round(each.event.time * 1000))


def test_cef_escapes_what_would_end_a_field() -> None:
    each = entry(1, "a|b\\c", actor=Ref("x", "user", "al|ice=1\\2\n3 act=stop"), source=None)
    head, found = understood(cef_line(each))
    assert head[4] == "a|b\\c"
    assert found["suser"] == "al|ice=1\\2\n3 act=stop"
    assert cef_line(each).count("\n") == 1


# ── Timesketch and CSV ───────────────────────────────────────────────────────────────────────────


@given(ENTRIES)
def test_timesketch_gets_what_it_cannot_do_without(each: Entry) -> None:
    found = as_timesketch(each)
    assert all(isinstance(found[name], str) and found[name] for name in ("message", "datetime", "timestamp_desc"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", str(found["datetime"]))
    assert all(isinstance(value, (str, int)) for value in found.values())


@given(ENTRIES)
def test_no_cell_is_a_formula(each: Entry) -> None:
    (row,) = csv.reader(io.StringIO(csv_line(each), newline=""))
    assert len(row) == len(COLUMNS)
    for cell in row:
        assert cell.strip(" \ufeff\u00a0")[:1] not in set("=+-@|%\t\r\n") or not cell.strip(" \ufeff\u00a0")
        assert cell[:1] not in {"\t", "\r", "\n"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "|calc", "%x", "\r\n=1", "\ufeff=1"])
def test_a_formula_is_made_text(text: str) -> None:
    assert safe(text) == "'" + text


def test_csv_is_csv() -> None:
    text = HEADING + csv_line(entry(1, details={"a": 'x,"y"\nz'}))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["actor"] == str(ALICE)
    assert json.loads(row["details"]) == {"a": 'x,"y"\nz'}
    assert row["time"] == "2027-01-15T08:01:00.000000Z"
    assert NOW
