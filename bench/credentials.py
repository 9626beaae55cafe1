"""The inventory of a hundred thousand credentials, and the reach of an account that has 500 and reaches 2,000 more."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import Connection, func, insert, select

from bench.rows import Row
from stockade.app import Stockade
from stockade.app.inventory import inventory, lines, listed
from stockade.app.respond.reaching import Found, reaching
from stockade.cli import YOUNG
from stockade.config import load
from stockade.directory import BuiltinDirectory
from stockade.directory.accounts import Level
from stockade.directory.builtin import schema
from stockade.directory.inventory import Filter
from tests.servers.postgres import start_postgres

LISTED: Final = 1.0
"""Seconds for the list."""
REACHED: Final = 2.0
"""Seconds for the reach with its list."""
OWN: Final = 500
PROGRAM: Final = Path(sys.executable).with_name("stockade")


@dataclass(frozen=True)
class Command:
    """A command run to its end: how long it took, and the most memory that it had."""

    seconds: float
    megabytes: float


def rows(*, people: int, rounds: int) -> Sequence[Row]:
    """Both databases, one after the other."""
    found: list[Row] = []
    with TemporaryDirectory() as place:
        found += measured("SQLite", Path(place), f"sqlite:///{place}/directory.db", people, rounds)
    with start_postgres() as server, server.database() as url, TemporaryDirectory() as place:
        found += measured("PostgreSQL", Path(place), url.replace("+psycopg", ""), people, rounds)
    return found


def measured(name: str, place: Path, url: str, people: int, rounds: int) -> Iterator[Row]:
    small = run(place / "small", f"sqlite:///{place}/small.db", max(10, people // 10)).megabytes
    with opened(place / "whole", url) as (stockade, directory):
        made = directory.found_organisation(people, 7)
        best, cpu, count = min(listed_here(directory) for _ in range(rounds))
        what = f"{count:,} credentials"
        yield Row(f"{what} made, {name}", "", f"{made.seconds:.1f} s", notes="a made-up organisation")
        how = f"all, with why each is worth a look, as lines of JSON; {cpu:.2f} s of processor time in this process"
        yield bar(f"{what} listed, {name}", best, LISTED, how)
        whole = listed_by_command(place / "whole")
        said = f"{whole.seconds:.2f} s, {whole.megabytes:.0f} MB"
        how = f"the ratio is its memory beside that for a tenth, {small:.0f} MB"
        yield Row(f"the same, the whole command, {name}", "", said, whole.megabytes / small, notes=how)
        taken, cpu, found = reach_of(stockade, prepared(directory), rounds)
        how = f"{len(found.reach.secrets):,} secrets within reach, {len(found.progress.items):,} lines in order; "
        how += f"{cpu:.2f} s of processor time"
        title = f"reach of an account with {OWN} credentials, of {count:,} there are, and its list, {name}"
        yield bar(title, taken, REACHED, how)


def bar(title: str, taken: float, most: float, how: str) -> Row:
    return Row(title, f"≤ {most:g} s", f"{taken:.2f} s", taken / most, taken <= most, how)


def listed_here(directory: BuiltinDirectory) -> tuple[float, float, int]:
    """How long the list takes in this process, on the wall and of the processor, and how many it had; cycles are looked
    for as seldom as in a command.
    """
    gc.set_threshold(YOUNG)
    start, busy = time.perf_counter(), time.process_time()
    counted = inventory(directory, Filter(dead=True), time.time())
    for _some in lines(listed(directory, counted)):
        pass
    return time.perf_counter() - start, time.process_time() - busy, counted.total


def reach_of(stockade: Stockade, account: str, rounds: int) -> tuple[float, float, Found]:
    """The best of some rounds, on the wall and of the processor, and what was found."""
    with reaching(stockade, account) as question:
        found, times = question.look(), []
        for _ in range(rounds):
            start, busy = time.perf_counter(), time.process_time()
            question.look()
            times.append((time.perf_counter() - start, time.process_time() - busy))
    return *min(times), found


def prepared(directory: BuiltinDirectory) -> str:
    """An account with 500 credentials that owns groups with two thousand secrets, or all when there are fewer."""
    account, secrets = directory.create_account("bench.subject"), 0
    groups = schema.groups.c.path
    with directory._database.writing() as sql:
        first = sql.scalar(select(func.max(schema.tokens.c.id))) or 0
        sql.execute(insert(schema.tokens), [_token(first + at, account.id) for at in range(1, OWN + 1)])
        for path in sql.scalars(select(groups).where(~groups.contains("/")).order_by(groups)).all():
            if secrets < 4 * OWN:
                part = {"account_id": account.id, "path": path, "level": Level.OWNER.value}
                sql.execute(insert(schema.memberships).values(part))
                secrets += _secrets(sql, path)
    return account.name


def _token(number: int, account: int) -> dict[str, object]:
    return {"id": number, "account_id": account, "kind": "personal", "name": f"t{number}", "scopes": "api",
            "digest": f"{number:064x}", "made": time.time() - 1e6, "made_by": account}  # fmt: skip


def _secrets(sql: Connection, path: str) -> int:
    """How many secrets lie in a group and below."""
    places = [table.c.place for table in (schema.variables, schema.runners, schema.webhooks, schema.mirrors)]
    return sum(
        sql.scalar(select(func.count()).where((place == path) | place.startswith(f"{path}/"))) or 0
        for place in (*places, schema.tokens.c.within, schema.keys.c.within)
    )


@contextmanager
def opened(place: Path, url: str) -> Iterator[tuple[Stockade, BuiltinDirectory]]:
    place.mkdir()
    (place / "stockade.toml").write_text(f'database = "{url}"\nstate = "{place}/state"\n')
    stockade = Stockade(load(place / "stockade.toml"))
    with stockade.directory() as directory:
        yield stockade, directory


def run(place: Path, url: str, people: int) -> Command:
    """The command on a directory of its own."""
    with opened(place, url) as (_, directory):
        directory.found_organisation(people, 7)
    return listed_by_command(place)


def listed_by_command(place: Path) -> Command:
    """`stockade credentials --json --dead`, with nobody who reads it; started by a small process of its own, for a
    child's memory is said to be at least its parent's.
    """
    argv = [str(PROGRAM), "credentials", "--json", "--dead", "-c", str(place / "stockade.toml")]
    said = subprocess.run([sys.executable, "-S", "-c", RUN, *argv], capture_output=True, text=True, check=True).stdout
    seconds, kilobytes = said.split()
    return Command(float(seconds), int(kilobytes) / 1024)


RUN: Final = """\
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
assert status == 0
print(time.perf_counter() - began, usage.ru_maxrss)
"""
