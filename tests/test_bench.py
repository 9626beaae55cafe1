"""The measurements run, at sizes too small to mean anything, and their table is a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from bench import forward, million, table
from bench.contestant import in_python, started
from bench.decision import MODULES, PEERS, rack_attack
from bench.http import APPLICATIONS
from bench.rows import Row
from bench.sections import SECTIONS, Section
from bench.serving import gateway, under_uvicorn
from tests.servers.nginx import start_nginx
from tests.servers.redis import RedisServer

CONTESTANTS = [*MODULES.values(), *(module for module, _ in PEERS.values())]


@pytest.mark.parametrize("module", CONTESTANTS)
def test_a_contestant_answers_every_round_with_a_figure(module: str) -> None:
    with started(*in_python(f"bench.peers.{module}", 20)) as contestant:
        assert isinstance(contestant.round(), float)


def test_rack_attack_answers_every_round_with_a_figure() -> None:
    with started(*rack_attack(20)) as contestant:
        assert isinstance(contestant.round(), float)


def test_the_sections_have_names_of_their_own() -> None:
    names = [section.name for section in SECTIONS]
    assert len(set(names)) == len(names)


def section(measure: Callable[..., Sequence[Row]]) -> Section:
    return Section("made-up", "Made up", measure)


def answering(rows: Sequence[Row]) -> Section:
    def measure(*, quick: bool) -> Sequence[Row]:
        return rows

    return section(measure)


def test_a_page_is_amended_by_some_sections_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(figure: str) -> tuple[Section, ...]:
        names = ("first", "second", "third")
        return tuple(Section(name, f"The {name}", answering([Row(name, "", figure)]).measure) for name in names)

    place = tmp_path / "speed.md"
    for only, figure in ((["first", "third"], "old"), (["second", "third"], "new")):
        monkeypatch.setattr(table, "SECTIONS", told(figure))
        asked = [word for name in only for word in ("--only", name)]
        assert table.main(["--quick", *asked, "--write", str(place)]) == 0
    parts = place.read_text().split("\n## ")
    assert [part.partition("\n")[0] for part in parts[1:]] == ["The first", "The second", "The third"]
    assert [("| old |" in part, "| new |" in part) for part in parts[1:]] == [
        (True, False),
        (False, True),
        (False, True),
    ]
    assert ["Measured on" in part for part in parts] == [True, False, True, True]


def test_the_page_is_a_table_for_each_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        Row("one | two", "≤ 3 µs", "2 µs", 0.5, True, "best of nine"),
        Row("slow", "≤ 3 µs", "4 µs", 2.0, False),
        Row("only to compare", "", "9 µs"),
    ]
    monkeypatch.setattr(table, "SECTIONS", (answering(rows),))
    assert table.main(["--quick", "--write", str(tmp_path / "speed.md")]) == 0
    lines = (tmp_path / "speed.md").read_text().splitlines()
    cells = [line.replace("\\|", "").count("|") for line in lines if line.startswith("|")]
    assert cells == [7] * 5
    assert any("one \\| two" in line and "holds" in line for line in lines)
    assert any("slow" in line and "**misses**" in line for line in lines)


def test_a_section_that_fails_says_so_and_stops_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*, quick: bool) -> Sequence[Row]:
        raise RuntimeError("no such program")

    (row,) = table.measured(section(broken), quick=True)
    assert row.passes is False
    assert "no such program" in row.measured


def test_a_hurried_run_leaves_the_page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = table.PAGE.read_text() if table.PAGE.exists() else None
    monkeypatch.setattr(table, "SECTIONS", (answering([]),))
    table.main(["--quick"])
    assert (table.PAGE.read_text() if table.PAGE.exists() else None) == before


def test_a_small_crowd_is_measured_as_a_million_is() -> None:
    memory, slowest = million.rows(clients=1_000)
    assert memory.measured.endswith("MB")
    assert slowest.notes


def hello(port: int) -> tuple[int, bytes]:
    request = Request(f"http://127.0.0.1:{port}/", headers={"X-Forwarded-For": "10.0.0.1"})
    with urlopen(request, timeout=60) as answer:
        return answer.status, answer.read()


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_application_under_load_says_hello(application: str, redis_server: RedisServer) -> None:
    with under_uvicorn(application, {"STOCKADE_BENCH_REDIS": str(redis_server.socket)}) as server:
        assert hello(server.port) == (200, b"hello\n")


def test_nginx_asks_the_gateway_before_it_says_hello(tmp_path: Path) -> None:
    with gateway(tmp_path / "counters") as server, start_nginx(forward.configuration(server.port)) as front:
        (front.directory / "hello").write_text(forward.PAGE)
        assert hello(front.port) == (200, b"hello\n")
