"""One contract for every database: an index finds, pages, streams, counts, catches up and is made anew."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import update

from stockade.errors import ConfigurationError, Unavailable
from stockade.events import Entry
from stockade.search import index as module
from stockade.search import postgresql, tables
from stockade.search.index import Index
from stockade.search.match import matches
from tests.search.conftest import ALICE, BOB, NOW, ORIGIN, asked, entry, found, handed

OTHER = "audit.example.com/node2"


def test_nothing_is_found_in_an_empty_index(index: Index) -> None:
    page = index.find(asked(""), 10)
    assert (page.entries, page.more, page.exact) == ((), 0, True)
    assert index.count(asked("who:alice")) == 0


def test_an_entry_comes_back_as_it_went_in(index: Index) -> None:
    whole = entry(
        0,
        target=BOB,
        outcome="refused",
        time=NOW + 0.123456,
        details={"deep": [{"x": None, "y": 1.5}], "text": "\x00\x1b[2J\u202e\ud800 ö", "yes": True},
    )
    bare = entry(1, actor=None, source=None)
    index.catch_up(ORIGIN, handed([whole, bare]))
    assert list(index.stream(asked(""), newest=False)) == [whole, bare]


def test_pages_end_with_the_last_entry_and_leave_none_out(index: Index) -> None:
    entries = [entry(n, outcome="failure" if n % 3 else "success") for n in range(100)]
    index.catch_up(ORIGIN, handed(entries))
    seen: list[int] = []
    after = None
    while True:
        page = index.find(asked("-outcome:success"), 20, after=after)
        seen += [each.index for each in page.entries]
        assert page.exact
        assert len(seen) + page.more == 66
        if not page.more:
            break
        after = str(page.entries[-1])
    assert seen == [n for n in reversed(range(100)) if n % 3]
    assert [each.index for each in index.find(asked(""), 3, newest=False).entries] == [0, 1, 2]
    assert [each.index for each in index.find(asked(""), 3, newest=False, after=f"{ORIGIN}#2").entries] == [3, 4, 5]


def test_of_many_more_it_says_at_least_how_many(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COUNTED", 10)
    index.catch_up(ORIGIN, handed([entry(n) for n in range(30)]))
    assert [(p.more, p.exact) for p in (index.find(asked(""), limit) for limit in (20, 19))] == [
        (10, True),
        (10, False),
    ]
    assert index.count(asked("")) == 30


@pytest.mark.parametrize("few", [4, 6, 40])
@pytest.mark.parametrize("reach", [(1, 1), (2, 12), (12, 90)])
def test_a_page_is_the_same_however_it_was_found(
    index: Index, monkeypatch: pytest.MonkeyPatch, reach: tuple[int, int], few: int
) -> None:
    for name, value in {"NEAR": reach[0], "FAR": reach[1], "FEW": few, "COUNTED": 2}.items():
        monkeypatch.setattr(postgresql, name, value)
    monkeypatch.setattr(module, "COUNTED", 2)
    there = [
        entry(n, actor=ALICE if n % 9 == 4 else BOB, outcome="failure" if n > 80 else "success") for n in range(99)
    ]
    index.catch_up(ORIGIN, handed(there))
    for text in ("who:alice", "who:bob", "outcome:failure", "who:bob since:2027-01-15T09:00 before:2027-01-15T09:05"):
        query = asked(text)
        meant = [each.index for each in there if matches(query, each)]
        for newest in (True, False):
            behind, seen = None, list[int]()
            while len(seen) < len(meant):
                page = index.find(query, 3, newest=newest, after=behind)
                seen += [each.index for each in page.entries]
                left = len(meant) - len(seen)
                assert (page.more, page.exact) == (min(left, 2), left <= 2), text
                behind = f"{ORIGIN}#{seen[-1]}"
            assert seen == sorted(meant, reverse=newest), text


def test_a_place_that_is_not_there_is_a_mistake(index: Index) -> None:
    for place in (f"{ORIGIN}#7", "nonsense", "#", "#99999999999999999999999"):
        with pytest.raises(ConfigurationError, match="no entry"):
            index.find(asked(""), 3, after=place)


def test_only_what_is_new_is_read_again(index: Index) -> None:
    entries = [entry(n) for n in range(10)]
    assert index.catch_up(ORIGIN, handed(entries[:6])).added == 6
    asked_from: list[int] = []

    def log(start: int) -> object:
        asked_from.append(start)
        return iter(entries[start:])

    assert index.catch_up(ORIGIN, log).added == 4  # type: ignore[arg-type]
    assert index.catch_up(ORIGIN, log).added == 0  # type: ignore[arg-type]
    assert asked_from == [5, 9]
    assert found(index, "") == list(range(10))


def test_a_log_that_is_shorter_or_another_is_said_and_what_was_indexed_stays(index: Index) -> None:
    entries = [entry(n) for n in range(10)]
    index.catch_up(ORIGIN, handed(entries))
    shorter = index.catch_up(ORIGIN, handed(entries[:5]))
    assert "shorter than it was: entry 9 was indexed" in shorter.strange
    changed = index.catch_up(ORIGIN, handed([*entries[:9], entry(9, "token.revoke"), entry(10)]))
    assert "entry 9 is another" in changed.strange
    assert found(index, "action:token.create") == list(range(10))


def test_an_index_is_made_anew_from_its_log_and_others_stay(index: Index) -> None:
    index.catch_up(ORIGIN, handed([entry(n) for n in range(10)]))
    index.catch_up(OTHER, handed([entry(n, origin=OTHER) for n in range(4)]))
    again = index.reindex(ORIGIN, handed([entry(n, "token.revoke") for n in range(3)]))
    assert (again.next, again.added, again.strange) == (3, 3, "")
    assert found(index, f"log:{ORIGIN}") == [0, 1, 2]
    assert found(index, "action:token.create") == [0, 1, 2, 3]
    assert index.logs() == [(ORIGIN, 3), (OTHER, 4)]
    assert index.count(asked("")) == 7


def test_several_logs_are_one_in_the_order_of_time(index: Index) -> None:
    index.catch_up(ORIGIN, handed([entry(n) for n in range(0, 10, 2)]))
    index.catch_up(OTHER, handed([entry(n, origin=OTHER) for n in range(1, 10, 2)]))
    assert found(index, "") == list(range(10))
    assert found(index, f"entry:{OTHER}#3") == [3]
    assert found(index, f"entry:{OTHER}#2") == []


def test_what_happened_in_one_moment_is_told_apart(index: Index) -> None:
    both = [[entry(n, origin=origin, time=NOW) for n in range(50)] for origin in (ORIGIN, OTHER)]
    for entries in both:
        index.catch_up(entries[0].origin, handed(entries))
    assert index.count(asked("")) == 100
    pages = [index.find(asked(""), 30, newest=False)]
    while pages[-1].more:
        pages.append(index.find(asked(""), 30, newest=False, after=str(pages[-1].entries[-1])))
    assert len({str(each) for page in pages for each in page.entries}) == 100


def test_what_is_told_late_stands_where_it_happened(index: Index) -> None:
    index.catch_up(ORIGIN, handed([entry(0), entry(1), replace(entry(2), event=entry(-5).event)]))
    assert found(index, "") == [2, 0, 1]


@pytest.mark.parametrize("time", [-1.0, -6e10, 0.0, 4.3e9, 6e9, 2.5e11])
def test_impossible_times_are_kept_and_are_found(index: Index, time: float) -> None:
    index.catch_up(ORIGIN, handed([entry(0, time=time), entry(1)]))
    assert sorted(found(index, "")) == [0, 1]
    assert found(index, "since:2100-01-01") == ([0] if time > 4.2e9 else [])


def test_a_stream_ends_though_the_log_grows(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STREAM", 5)
    entries = [entry(n) for n in range(40)]
    index.catch_up(ORIGIN, handed(entries[:12]))
    stream = index.stream(asked(""), newest=False)
    first = list(islice(stream, 3))
    index.catch_up(ORIGIN, handed(entries))
    assert [each.index for each in [*first, *stream]] == list(range(12))


def test_where_somebody_came_from(index: Index) -> None:
    index.catch_up(ORIGIN, handed([entry(n, source=f"203.0.113.{n % 3}") for n in range(9)] + [entry(9, source=None)]))
    assert index.sources(asked("who:alice")) == ["203.0.113.0", "203.0.113.1", "203.0.113.2"]


def test_hostile_text_is_text(index: Index) -> None:
    nasty = [
        "'; DROP TABLE search_entry; --",
        '" OR "',
        "a' | 'b",
        "*)(&!<->",
        "\\",
        "NEAR(a b)",
        "{x}: y",
        "\x00",
        "\ud800",
    ]
    index.catch_up(ORIGIN, handed([entry(n, details={"x": text}) for n, text in enumerate(nasty)]))
    for number, text in enumerate(nasty):
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        assert found(index, f'details.x:"{quoted}"') == [number]
        assert found(index, f'who:"{quoted}"') == []
        assert found(index, f'where:"{quoted}"*') == []
    assert index.count(asked("")) == len(nasty)


def test_very_long_values_are_found_whole_and_by_their_beginnings(index: Index) -> None:
    long = ["x" * 5000 + end for end in "ab"]
    index.catch_up(ORIGIN, handed([entry(n, details={"k" * 3000: value, "v": value}) for n, value in enumerate(long)]))
    assert found(index, f"details.v:{'x' * 90}*") == [0, 1]
    assert found(index, f"{'x' * 90}*") == [0, 1]


def test_two_may_index_the_same_log_at_once(where: str, index: Index) -> None:
    entries = [entry(n) for n in range(300)]
    monkey = [threading.Thread(target=_index, args=(where, entries)) for _ in range(2)]
    for thread in monkey:
        thread.start()
    for thread in monkey:
        thread.join()
    assert found(index, "") == list(range(300))


def _index(where: str, entries: list[Entry]) -> None:
    with Index(where) as other:
        other.catch_up(ORIGIN, handed(entries))


def test_an_index_of_another_version_is_made_anew(where: str, index: Index) -> None:
    index.catch_up(ORIGIN, handed([entry(0)]))
    with index.database.writing() as connection:
        connection.execute(update(tables.version).values(version=0))
    with Index(where) as again:
        assert again.renewed
        assert again.count(asked("")) == 0
        assert again.catch_up(ORIGIN, handed([entry(0)])).added == 1
    with Index(where) as same:
        assert not same.renewed
        assert found(same, "who:alice") == [0]


# ── what is no database, and what does not answer ────────────────────────────────────────────────


@pytest.mark.parametrize("where", ["mysql://root@host/x", "postgresql://host:port/x", "/nowhere/at/all.db"])
def test_what_cannot_be_an_index_is_a_mistake(where: str) -> None:
    with pytest.raises(ConfigurationError):
        Index(where)


def test_a_database_that_is_away_is_said_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        Index(f"postgresql://someone:hunter2@/x?host={tmp_path}")
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_index_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("what is this\n" * 99)
    with pytest.raises(Unavailable, match="not a database"):
        Index(str(tmp_path / "notes.txt"))


def test_an_index_is_its_owners_alone(tmp_path: Path) -> None:
    with Index(str(tmp_path / "index.db")) as index:
        index.catch_up(ORIGIN, handed([entry(0)]))
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
