"""A responder at the terminal: what is asked, what is shown, what is pointed at, and what is recorded."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stockade.audit.layout import segment_path, segments_in
from tests.cli.terminal import Said, Terminal
from tests.search.conftest import BOB, NOW
from tests.search.logs import STORY, many, opened, write
from tests.servers.processes import wait_until

SCREENS = Path(__file__).with_name("screens")


@pytest.fixture
def story(terminal: Terminal) -> Terminal:
    write(terminal.directory / "node1", *STORY)
    return terminal


def asked(terminal: Terminal, verb: str, *words: str) -> Said:
    said = terminal.run(verb, *words, "--log", "node1", "--index", "index.db")
    assert "Traceback" not in said.err, said.err
    return said


def read(terminal: Terminal) -> list[dict[str, Any]]:
    """What was recorded about reading."""
    lines = (terminal.directory / "state" / "security.log").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line.get("action") == "log.read"]


def held(name: str, screen: str) -> None:
    """``REWRITE_SCREENS=1`` writes the screens anew, to be looked at."""
    screen = "\n".join(line.rstrip() for line in screen.splitlines()) + "\n"
    if "REWRITE_SCREENS" in os.environ:
        (SCREENS / name).write_text(screen)
    assert screen == (SCREENS / name).read_text(), screen


# ── a page ───────────────────────────────────────────────────────────────────────────────────────


def test_a_page_can_be_read_at_three_in_the_morning(story: Terminal) -> None:
    said = asked(story, "search", "who:bob")
    assert said.code == 0, said.err
    held("search.txt", said.out)


def test_a_mistake_is_pointed_at(story: Terminal) -> None:
    said = asked(story, "search", "who:bob actoin:token.create")
    assert said.code == 2
    held("mistake.txt", said.err)


def test_everything_about_one_entry(story: Terminal) -> None:
    held("whole.txt", asked(story, "search", "entry:6", "--whole").out)


def test_a_page_says_how_many_more_there_are_and_how_to_get_them(terminal: Terminal) -> None:
    write(terminal.directory / "node1", *many(120))
    said = asked(terminal, "search", "who:alice")
    assert "50 entries, the newest first; 70 more" in said.out
    seen = re.findall(r"\bn=(\d+)", said.out)
    command = re.search(r"go on +stockade (.+?)\s*\n\s*all of them", said.out, re.DOTALL)
    assert command
    following = terminal(command[1].replace("'", ""))
    assert "50 entries, the newest first; 20 more" in following.out
    seen += re.findall(r"\bn=(\d+)", following.out)
    assert [int(n) for n in seen] == list(range(119, 19, -1))
    everything = asked(terminal, "search", "who:alice", "--all")
    assert "120 entries, that is all" in everything.out
    assert len(re.findall(r"\bn=\d+", everything.out)) == 120


def test_where_nothing_is_found_it_says_in_what(story: Terminal) -> None:
    assert (
        asked(story, "search", "who:nobody").out
        == "nothing found\naudit.example.com/node1: 9 entries were looked through\n"
    )


def test_a_query_is_what_the_shell_hands_on(story: Terminal) -> None:
    assert asked(story, "search", '"wrong password"', "--count").out == "1\n"
    assert asked(story, "search", '"password wrong"', "--count").out == "0\n"
    assert asked(story, "search", "password wrong", "--count").out == "1\n"
    assert asked(story, "search", "password", "wrong", "--count").out == "1\n"
    assert asked(story, "search", "who:bob (action:token.* OR is:sign-ins)", "--count").out == "3\n"
    said = story.run("search", "--count", "--log", "node1", "--index", "index.db", "--", "-who:bob", "-is:log")
    assert said.out == "4\n"


def test_hostile_text_moves_no_cursor(story: Terminal) -> None:
    for words in (
        ["search", "over"],
        ["search", "over", "--whole"],
        ["search", "over", "--json"],
        ["timeline", "bob", "--whole"],
    ):
        said = asked(story, *words)
        assert said.code == 0
        assert not set("\x1b\u202e") & set(said.out)
        assert "1b[2J" in said.out


def test_scripts_get_json(story: Terminal) -> None:
    page = asked(story, "search", "who:bob", "-n", "2", "--json").json
    assert (page["more"], page["exact"]) == (1, True)
    assert [entry["action"] for entry in page["entries"]] == ["token.create", "authentication.success"]
    rest = asked(story, "search", "who:bob", "--json", "--after", page["after"]).json
    assert [entry["action"] for entry in rest["entries"]] == ["authentication.failure"]
    assert (rest["more"], rest["after"]) == (0, None)
    assert len(asked(story, "search", "who:bob", "--all", "--json").json["entries"]) == 3


def test_the_oldest_may_come_first(story: Terminal) -> None:
    page = asked(story, "search", "who:bob", "--oldest", "--json").json
    assert page["entries"][0]["action"] == "authentication.failure"


def test_an_export_is_never_cut_off(terminal: Terminal) -> None:
    write(terminal.directory / "node1", *many(1200))
    rows = list(csv.DictReader(io.StringIO(asked(terminal, "search", "who:alice", "--csv").out)))
    assert len(rows) == 1200
    lines = asked(terminal, "search", "who:alice", "--as", "timesketch").out.splitlines()
    assert len(lines) == 1200
    assert len(asked(terminal, "search", "who:alice", "--as", "jsonl", "-n", "7").out.splitlines()) == 7
    assert "Did you mean ecs?" in asked(terminal, "search", "--as", "esc").err


# ── timelines ────────────────────────────────────────────────────────────────────────────────────


def test_a_timeline_tells_what_was_done_by_to_and_from_where(story: Terminal) -> None:
    held("timeline.txt", asked(story, "timeline", "bob").out)


def test_a_timeline_of_an_address_and_of_a_token(story: Terminal) -> None:
    def roles(subject: str, *more: str) -> list[tuple[str, str]]:
        found = asked(story, "timeline", subject, *more, "--json").json["entries"]
        return [(entry["action"], entry["role"]) for entry in found]

    assert {role for _, role in roles("203.0.113.9")} == {"from"}
    assert roles("token/812") == [("token.create", "to")]
    assert ("repository.read", "nearby") in roles("bob")
    assert ("repository.read", "nearby") not in roles("bob", "--direct")
    assert roles("bob", "is:sign-ins") == [("authentication.failure", "by"), ("authentication.success", "by")]


def test_a_timeline_merges_systems_and_logs(terminal: Terminal) -> None:
    write(terminal.directory / "node1", *STORY[:3])
    write(terminal.directory / "node2", *STORY[3:])
    found = terminal.run("timeline", "bob", "--log", "node1", "--log", "node2", "--index", "index.db", "--json").json
    times = [entry["time"] for entry in found["entries"]]
    assert times == sorted(times)
    assert {entry["origin"].rpartition("/")[2] for entry in found["entries"]} == {"node1", "node2"}


def test_a_long_timeline_says_what_it_leaves_out(terminal: Terminal) -> None:
    write(terminal.directory / "node1", *many(30))
    said = asked(terminal, "timeline", "alice", "-n", "10")
    assert said.out.startswith("20 more before these: stockade timeline alice -n 10 --log node1")
    assert "10 entries, the newest" in said.out
    assert "30 entries, that is all" in asked(terminal, "timeline", "alice", "--all").out


def test_who_came_from_too_many_addresses_is_not_followed(terminal: Terminal) -> None:
    from dataclasses import replace

    events = [replace(event, source=f"203.0.113.{n}") for n, event in enumerate(many(30))]
    write(terminal.directory / "node1", *events)
    assert "came from 30 addresses: too many" in asked(terminal, "timeline", "alice").out


# ── live ─────────────────────────────────────────────────────────────────────────────────────────


def test_events_are_followed_as_they_are_written_and_into_new_segments(terminal: Terminal) -> None:
    log = write(terminal.directory / "node1", *many(3))
    process = terminal.start("follow", "who:bob", "--log", "node1", "--as", "jsonl")
    assert process.stdout is not None
    try:
        with opened(log, segment_size=2_000) as writing:
            wait_until(lambda: bool((terminal.directory / "state").exists() and read(terminal)), "somebody who follows")
            for event in [event for n in range(40) for event in (STORY[1], *many(1))]:
                writing.append(event)
        assert len(segments_in(log)) > 3
        lines = [json.loads(process.stdout.readline()) for _ in range(40)]
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(30)
        rest = process.stdout.read()
        process.stdout.close()
    assert {line["actor"] for line in lines} == {str(BOB)}
    numbers = [line["seq"] for line in lines]
    assert numbers == sorted(set(numbers))
    assert (code, rest) == (0, "")


def test_the_last_entries_come_first_where_one_follows(terminal: Terminal) -> None:
    write(terminal.directory / "node1", *STORY)
    process = terminal.start("follow", "--log", "node1", "--back", "3")
    assert process.stdout is not None
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stdout.close()
    assert r"bob's key \x1b[2J\u202e was\nleft over" in line


# ── the record, the index, mistakes ──────────────────────────────────────────────────────────────


def test_reading_is_recorded(story: Terminal) -> None:
    asked(story, "search", "who:bob", "since:2020-01-01")
    asked(story, "timeline", "alice", "is:tokens")
    found = [(event["verb"], event["query"], event.get("subject")) for event in read(story)]
    assert found == [("search", "who:bob since:2020-01-01", None), ("timeline", "is:tokens", "alice")]
    assert all(event["logs"] == ["audit.example.com/node1"] and event["meta.user"] for event in read(story))


def test_reading_the_log_of_this_machine_is_an_event_in_it(terminal: Terminal) -> None:
    assert terminal("user add ci --bot").code == 0
    said = terminal.run("search", "action:user.create")
    assert said.code == 0, said.err
    assert "user/ci" in said.out
    (entry,) = terminal.run("search", "action:log.read details.query:action*", "--json").json["entries"]
    assert entry["details"]["query"] == "action:user.create"


def test_a_log_that_was_cut_is_said_and_what_was_indexed_is_still_shown(story: Terminal) -> None:
    asked(story, "search", "who:bob")
    log = story.directory / "node1"
    segment = log / segment_path(segments_in(log)[-1])
    segment.chmod(0o600)
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:3]))
    said = asked(story, "search", "who:bob")
    assert said.code == 5
    assert "is shorter than it was: entry 8 was indexed and is not there" in said.err.replace("\n", " ")
    assert "3 entries, that is all" in said.out
    assert asked(story, "reindex").code == 0
    assert "2 entries, that is all" in asked(story, "search", "who:bob").out


def test_an_index_is_made_anew(story: Terminal) -> None:
    asked(story, "search")
    (story.directory / "index.db").write_bytes(b"nonsense" * 999)
    for name in ("index.db-wal", "index.db-shm"):
        (story.directory / name).unlink(missing_ok=True)
    said = asked(story, "search")
    assert said.code == 4
    assert "may be deleted" in said.err
    (story.directory / "index.db").unlink()
    assert asked(story, "reindex").out == "audit.example.com/node1: 9 entries are indexed\n"


def test_a_password_on_the_command_line_is_refused(story: Terminal) -> None:
    said = story.run("search", "--log", "node1", "--index", "postgresql://me:hunter2@localhost/x")
    assert said.code == 2
    assert "hunter2" not in said.err + said.out


def test_the_configuration_says_where_the_index_is(story: Terminal) -> None:
    story.write(f'[search]\nindex = "sqlite:///{story.directory}/elsewhere.db"\n')
    assert story.run("search", "who:bob", "--count", "--log", "node1").out == "3\n"
    assert (story.directory / "elsewhere.db").exists()


def test_mistakes_are_told(story: Terminal) -> None:
    assert story.run("search", "--log", "nowhere", "--index", "i.db").code == 2
    assert story.run("search", "--log", "node1", "--log", "node1", "--index", "i.db").code == 2
    assert story.run("search", "--log", "node1", "--index", "no/where/i.db").code == 2
    assert story.run("timeline", " ", "--log", "node1", "--index", "i.db").code == 2
    assert asked(story, "search", "--after", "nonsense").code == 2


def test_a_postgresql_is_searched_as_well(story: Terminal, postgres_url: Iterator[str]) -> None:
    where = str(postgres_url).replace("postgresql+psycopg", "postgresql")
    said = story.run("search", "who:bob", "--log", "node1", "--index", where, "--json")
    assert said.code == 0, said.err
    assert len(said.json["entries"]) == 3
    assert NOW
