"""History is read in the order in which it happened, from any point, and once."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.app.detecting import Bookmark, Seen, by_time, end_of, first_recorded, follow, history
from stockade.app.searching import Source
from stockade.audit.layout import segment_path
from stockade.audit.record import body_of, line_of, rfc3339
from stockade.detect.detector import Rules
from stockade.detect.order import SLACK, stretches
from stockade.detect.pack import own_pack
from stockade.events import Event
from tests.detect.entries import HOME, NEW, NOW, event
from tests.detect.logs import add, make_log

HOUR, DAY = 3600.0, 86_400.0
TAKEOVER = [
    event("authentication.success", at=-5 * DAY, source=HOME),
    event("authentication.success", at=0, source=NEW),
    event("factor.remove", at=120, target="alice", source=NEW),
    event("token.create", at=240, target="gitlab:token/9", source=NEW),
]


def rules() -> Rules:
    return Rules(own_pack())


def found(log: Path, **asked: float) -> list[str]:
    return [told.finding.rule for told in history(log, rules(), **asked).told]  # type: ignore[arg-type]


def test_a_story_that_two_sources_tell_is_one_however_they_were_taken_in(tmp_path: Path) -> None:
    sign_ins, audit = TAKEOVER[:2], TAKEOVER[2:]
    noise = [event("http.request", None, at=n * HOUR) for n in range(24)]
    for order in ([*sign_ins, *noise, *audit], [*audit, *noise, *sign_ins]):
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        assert "story_takeover" in found(make_log(place, order, now=NOW + 2 * DAY, segment_size=1_000))


def test_what_happened_before_is_remembered_and_not_told(tmp_path: Path) -> None:
    old = event("authentication.success", at=-80 * DAY, source="192.0.2.1")
    log = make_log(
        tmp_path, [event("authentication.success", at=-85 * DAY, source=HOME), old, *TAKEOVER], now=NOW + DAY
    )
    run = history(log, rules(), since=NOW - DAY)
    assert [told.finding.rule for told in run.told] == ["story_takeover"], "its chapters are folded into it"
    assert [entry.event.source for entry in run.told[0].finding.entries] == [NEW] * 3
    assert run.entries == 3 + 2, "those of the story, and two of the log itself"
    assert (run.began, run.next) == (NOW, end_of(log))


def test_what_was_found_before_hides_nothing_that_goes_on(tmp_path: Path) -> None:
    log = make_log(tmp_path, [event("authentication.unusual", at=n * 600.0) for n in range(12)], now=NOW + DAY)
    (told,) = history(log, rules(), since=NOW + 3000).told
    assert (told.finding.time, told.again) == (NOW + 3000, 6)
    assert "signin_reported_unusual" not in found(log, start=6), "a run that goes on has told of it already"


def test_a_run_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    log, file = make_log(tmp_path, TAKEOVER[:3], now=NOW + 200), tmp_path / "detect.json"
    first = history(log, rules())
    bookmark = Bookmark(file, log)
    assert bookmark.next() is None
    bookmark.keep(first.next)
    add(tmp_path, TAKEOVER[3:], now=NOW + 300)
    again = history(log, rules(), start=Bookmark(file, log).next() or 0)
    assert "story_takeover" in [told.finding.rule for told in again.told]
    assert "factor_removed" not in [told.finding.rule for told in again.told]
    assert again.entries < first.entries


def test_a_bookmark_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "detect.json").write_text("[7")
    assert Bookmark(tmp_path / "detect.json", tmp_path).next() is None


def test_a_growing_log_is_followed_with_what_came_before_in_mind(tmp_path: Path) -> None:
    log = make_log(tmp_path, TAKEOVER[:3], now=NOW + 200)
    start, seen = end_of(log), list[Seen]()
    add(tmp_path, TAKEOVER[3:], now=NOW + 300)
    for each in follow(log, rules(), start=start, stop=lambda: bool(seen)):
        seen.append(each)
    assert "story_takeover" in [finding.rule for each in seen for finding in each.findings]
    assert all(each.entry.index >= start for each in seen)


def test_the_start_is_found_by_the_time_of_recording(tmp_path: Path) -> None:
    log = make_log(tmp_path, [event("message", at=n, said="x" * 400) for n in range(100)], now=NOW, segment_size=5_000)
    add(tmp_path, [event("message")], now=NOW + DAY)
    assert first_recorded(log, NOW - DAY) == 0
    assert 50 < first_recorded(log, NOW + DAY) <= 102


@given(moments=st.lists(st.floats(0, 10_000), max_size=60), start=st.integers(0, 1_000))
def test_stretches_cover_everything_once_and_go_forward(moments: list[float], start: int) -> None:
    found, missed = stretches(enumerate(moments, start))
    assert [index for stretch in found for index in range(stretch.start, stretch.start + stretch.length)] == list(
        range(start, start + len(moments))
    )
    assert missed == 0
    for stretch in found:
        held = moments[stretch.start - start :][: stretch.length]
        assert all(max(held[: n + 1]) - moment <= SLACK for n, moment in enumerate(held))


def test_a_log_that_goes_back_in_time_without_end_is_read_nevertheless_and_that_is_said(tmp_path: Path) -> None:
    events: list[Event] = [event("message", at=-n * DAY) for n in range(250)]
    log = make_log(tmp_path, events, now=NOW)
    read, doubts = by_time(log, 0)
    assert len({entry.index for entry in read}) == 252
    assert len(doubts) == 1
    assert "goes back in time" in doubts[0]
    assert stretches(enumerate([10_000.0 * -n for n in range(9)]), most=4) == ([(0, 1), (1, 1), (2, 1), (3, 6)], 5)


@dataclass(frozen=True)
class Holed:
    """A log of several segments out of order in time, of which some lines, or whole segments, are gone."""

    moments: list[float]
    gone: set[int]
    split: set[int]

    def write(self, log: Path) -> list[int]:
        """Write it there; answers the numbers that are left."""
        shutil.rmtree(log, ignore_errors=True)
        left = [number for number in range(len(self.moments)) if number not in self.gone]
        first = 0
        for number in range(len(self.moments)):
            first = number if number in self.split else first
            file = log / segment_path(first)
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("ab") as segment:
                if number in left:
                    told = event("message", at=self.moments[number])
                    segment.write(line_of(number, rfc3339(NOW + 10 * DAY), body_of(told)) + b"\n")
        return left


HOLED = st.builds(
    Holed,
    moments=st.lists(st.floats(0, 20_000), min_size=1, max_size=30),
    gone=st.sets(st.integers(0, 29), max_size=12),
    split=st.sets(st.integers(0, 29), max_size=6),
)


@given(holed=HOLED, start=st.integers(0, 35))
def test_whatever_is_missing_of_a_log_all_that_is_left_is_read_once_and_in_order(
    holed: Holed, start: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.getbasetemp() / "holed"
    left = holed.write(log)
    read, doubts = by_time(log, start)
    moments = {entry.index: entry.event.time for entry in read}
    assert sorted(moments) == [number for number in left if number >= start]
    assert doubts == []
    told = list(moments.values())
    assert all(later >= earlier - SLACK for earlier, later in pairwise(told))
    last = max({0, *holed.split} & set(range(len(holed.moments))))
    assert end_of(log) == max((number + 1 for number in left if number >= last), default=last)


@given(holed=HOLED, start=st.integers(0, 35))
def test_what_follows_a_log_with_holes_passes_over_nothing(
    holed: Holed, start: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.getbasetemp() / "followed"
    left = holed.write(log)
    looks = iter([False, True])
    seen = [each.entry.index for each in follow(log, Rules([]), start=start, stop=lambda: next(looks))]
    assert seen == [number for number in left if number >= start]
    assert [entry.index for entry in Source("log", log).entries(start)] == seen
