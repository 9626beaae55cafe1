"""Somebody reads a log for what matters, from the terminal, and asks back."""

from __future__ import annotations

import json
import time

import pytest

from stockade.audit.reading import entries as read_entries
from stockade.events import Event, Ref
from tests.cli.terminal import Terminal, terminal
from tests.detect.entries import HOME, NEW
from tests.detect.logs import add, make_log
from tests.servers.processes import wait_until

__all__ = ["terminal"]

ALICE = Ref("gitlab", "user", "alice")
OWN_RULE = """
title: Somebody has moved the kettle
name: kettle
logsource: {product: stockade}
detection: {selection: {details.kettle: moved}, condition: selection}
falsepositives: [It was dirty.]
level: medium
stockade:
  examples:
    match: [{action: message, details: {kettle: moved}}]
    clean: [{action: message, details: {kettle: still}}]
"""


def takeover(ago: float) -> list[Event]:
    now = time.time()
    return [
        Event(now - ago - 3 * 86_400, "authentication.success", ALICE, None, HOME),
        Event(now - ago, "authentication.success", ALICE, None, NEW),
        Event(now - ago + 60, "factor.remove", ALICE, ALICE, NEW),
        Event(now - ago + 120, "token.create", ALICE, Ref("gitlab", "token", "9\x1b[2J\u202e"), NEW),
    ]


def test_a_takeover_is_told_with_its_entries_and_why_it_may_be_harmless(terminal: Terminal) -> None:
    make_log(terminal.directory, takeover(7200))
    said = terminal("detect run --log log --since 90d")
    assert said.code == 1, said.err
    story = said.out.split("critical")[1]
    assert "A new address, a second factor removed, a token made: within an hour" in story
    for wanted in (
        "gitlab:user/alice",
        "T1556.006",
        f"from {NEW}",
        "factor.remove",
        "may be harmless: A new telephone",
    ):
        assert wanted in story
    assert "\x1b[2J" not in said.out
    assert "\u202e" not in said.out
    assert "not run without a GeoIP database (--geoip): signin_impossible_travel, signin_new_country" in said.out


def test_scripts_get_it_as_json(terminal: Terminal) -> None:
    make_log(terminal.directory, takeover(7200))
    said = terminal("detect run --log log --since 90d --json --level high")
    (finding,) = said.json["findings"]
    assert finding["rule"] == "story_takeover"
    assert [entry["action"] for entry in finding["entries"]] == [
        "authentication.success",
        "factor.remove",
        "token.create",
    ]
    assert said.json["asleep"] == ["signin_impossible_travel", "signin_new_country"]


def test_nothing_new_is_told_twice_and_findings_are_recorded_once(terminal: Terminal) -> None:
    place = terminal.directory
    make_log(place, takeover(7200))
    line = "detect run --log log --record"
    assert terminal(line).code == 1
    second = terminal(line)
    assert second.code == 0, second.out
    assert "nothing found" in second.out
    kept = [entry.event for entry in read_entries(place / "state" / "audit", 0)]
    recorded = [event for event in kept if event.action == "finding.create"]
    assert [event.details["rule"] for event in recorded] == ["story_takeover"]
    assert recorded[0].target == ALICE
    assert recorded[0].details["entries"] == ["#2", "#3", "#4"]
    assert terminal(f"{line} --since 9d").code == 2


def test_without_a_name_it_is_the_log_of_the_configuration_and_who_reads_it_is_on_record(terminal: Terminal) -> None:
    make_log(terminal.directory / "state", takeover(7200), log="audit", signer="audit-signer")
    assert "A new address, a second factor removed" in terminal("detect run --since 90d").out
    assert "second factors: 1 of 1 entry suspicious" in terminal("review alice").out
    kept = [entry.event for entry in read_entries(terminal.directory / "state" / "audit", 0)]
    read = [event.details["with"] for event in kept if event.action == "log.read"]
    assert read == ["detect run --since 90d", "review alice"]


def test_a_growing_log_is_followed(terminal: Terminal) -> None:
    place, events = terminal.directory, takeover(7200)
    make_log(place, events[:3])
    process = terminal.start("detect", "follow", "--log", "log", "--json")
    try:
        assert process.stdout is not None
        assert "following log from entry" in process.stdout.readline()
        add(place, events[3:])
        told = json.loads(process.stdout.readline())
        assert told["rule"] in {"story_takeover", "token_created"}
        wait_until((place / "state" / "detect.json").exists, "the bookmark")
    finally:
        process.terminate()
        assert process.stdout is not None
        process.stdout.close()
        process.wait(30)


def test_rules_of_ones_own_are_tried_listed_explained_and_run(terminal: Terminal) -> None:
    (terminal.directory / "rules").mkdir()
    terminal.write(OWN_RULE, "rules/kettle.yml")
    assert "ok    kettle" in terminal("detect test rules").out
    assert [rule["name"] for rule in terminal("detect rules rules --json").json] == ["kettle"]
    explained = terminal("detect explain kettle --rules rules").out
    assert "Somebody has moved the kettle" in explained
    assert "It was dirty." in explained
    assert "details.kettle: moved" in explained
    make_log(terminal.directory, [Event(time.time() - 60, "message", ALICE, details={"kettle": "moved"})])
    said = terminal("detect run --log log --since 1d --rules rules")
    assert "Somebody has moved the kettle" in said.out


def test_rules_on_trial_are_marked_and_make_no_command_fail(terminal: Terminal) -> None:
    terminal.write(OWN_RULE, "kettle.yml")
    terminal.write(OWN_RULE.replace("name: kettle", "name: tried\nstatus: experimental"), "tried.yml")
    make_log(terminal.directory, [Event(time.time() - 60, "message", ALICE, details={"kettle": "moved"})])
    said = terminal("detect run --log log --since 1d --rules kettle.yml --trial")
    assert (said.code, "Somebody has moved the kettle  (on trial)" in said.out) == (0, True)
    (finding,) = terminal("detect run --log log --since 1d --rules tried.yml --json").json["findings"]
    assert (finding["rule"], finding["shadow"]) == ("tried", True)


@pytest.mark.parametrize(
    ("instead", "by", "said"),
    [
        ("kettle: moved}}]", "kettle: still}}]", "does not match the example that it must match"),
        ("kettle: still}}]", "kettle: moved}}]", "matches the example that it must not match"),
        ("    clean:", "    # clean:", "has no example that must not match"),
    ],
)
def test_a_rule_that_is_wrong_about_its_examples_is_told(terminal: Terminal, instead: str, by: str, said: str) -> None:
    terminal.write(OWN_RULE.replace(instead, by), "kettle.yml")
    tried = terminal("detect test kettle.yml")
    assert tried.code == 1
    assert f"wrong kettle  {said}" in tried.out


def test_every_rule_of_ours_is_tried_and_printed(terminal: Terminal) -> None:
    tried = terminal("detect test")
    assert tried.code == 0, tried.out
    assert tried.out.count("\nok  ") + 1 > 60
    assert "none wrong" in tried.out
    assert "T1556.006" in terminal("detect rules").out


def test_mistakes_are_told(terminal: Terminal) -> None:
    assert "Did you mean story_takeover?" in terminal("detect explain story_takover").err
    assert terminal("detect run --log nowhere").code == 2
    assert "there is no log in" in terminal("detect run").err
    assert terminal("review alice").code == 2
    assert not (terminal.directory / "state" / "audit").exists(), "to look is not to make"
    make_log(terminal.directory, [])
    assert terminal("detect run --log log --level awful").code == 2
    assert terminal("detect run --log log --since yesterday").code == 2
    terminal.write(OWN_RULE.replace("details.kettle", "details.kettle|expand"), "kettle.yml")
    refused = terminal("detect run --log log --rules kettle.yml")
    assert refused.code == 2
    assert "detection.selection.details.kettle|expand" in refused.err


def test_a_broken_line_is_tampering(terminal: Terminal) -> None:
    log = make_log(terminal.directory, takeover(7200))
    (segment,) = (log / "segments").iterdir()
    segment.chmod(0o600)
    segment.write_bytes(segment.read_bytes().replace(b'"seq":2', b'"seq"~2'))
    assert terminal("detect run --log log --since 9d").code == 5
