"""Real processes, killed with signal 9 at every step boundary and inside each step, in either database.

Whatever was killed where, ``resume`` ends as a run that was left alone; and ``undo`` gives back what the plan says.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from stockade.app import Stockade
from stockade.app.recording import made
from stockade.config import load
from stockade.directory import BuiltinDirectory
from stockade.directory.accounts import AccountKind, CredentialKind, Level, Scope
from tests.respond.mortal import in_a_process

pytestmark = pytest.mark.timeout(600)
PASSWORD = "a long and winding road"


@dataclass
class Scene:
    """A compromise with its approved plan, and how to begin anew, as often as one likes, from what is kept."""

    config: Path
    digest: str
    keep: Callable[[], None]
    again: Callable[[], None]

    every: int
    """Where each process costs more, not each place is tried, but each so-manieth."""

    def left_alone(self, verb: str) -> tuple[int, list[str], list[str]]:
        """How many places there are, and how it ends when nothing is killed."""
        told = in_a_process(self.config, self.digest, verb)
        assert told is not None
        return told

    def killed(self, verb: str, at: int) -> None:
        assert in_a_process(self.config, self.digest, verb, at) is None


def compromised(directory: BuiltinDirectory) -> None:
    directory.create_account("root", AccountKind.HUMAN, PASSWORD, admin=True)
    alice = directory.create_account("alice", AccountKind.HUMAN, PASSWORD)
    directory.create_account("mallory", AccountKind.HUMAN, PASSWORD)
    directory.create_repository("web/shop")
    directory.add_member("alice", "web/shop", Level.OWNER)
    for number in range(2):
        directory.issue_token("alice", f"laptop {number}", [Scope.API], by=alice.ref)
    directory.issue_token("mallory", "deploy", [Scope.READ_REPOSITORY], kind=CredentialKind.DEPLOY, within="web/shop")
    directory.open_session(alice, time.time(), 86400)
    directory.create_account("ghost", AccountKind.BOT, by=alice.ref)
    directory.add_member("mallory", "web/shop", Level.OWNER, by=alice.ref)


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    """The scene in either database; the log is a real one."""
    config, stage, kept = tmp_path / "stockade.toml", tmp_path / "stage", tmp_path / "kept"
    url, forget, restore = f"sqlite:///{stage}/directory.sqlite3", _nothing, _nothing
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        rows = dict[str, list[dict[str, object]]]()
        forget, restore = (lambda: rows.update(_rows(url))), (lambda: _put_back(url, rows))
    config.write_text(f'state = "{stage}"\ndatabase = "{url}"\n[audit]\nsign_within = "30s"\n')
    stockade = Stockade(load(config), by="olga")
    stage.mkdir()
    made(stockade.settings)
    with stockade.directory() as directory:
        compromised(directory)
    with stockade.responding() as response:
        digest = response.draw("account", "alice").digest
        response.approve(digest)

    def keep() -> None:
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(stage, kept)
        forget()

    def again() -> None:
        shutil.rmtree(stage)
        shutil.copytree(kept, stage)
        restore()

    keep()
    return Scene(config, digest, keep, again, 1 if request.param == "sqlite" else 4)


def _nothing() -> None:
    pass


def _rows(url: str) -> dict[str, list[dict[str, object]]]:
    """All rows of all tables, parents first."""
    from stockade.directory.builtin.schema import metadata

    engine = create_engine(url)
    with engine.connect() as sql:
        found = {t.name: [dict(row) for row in sql.execute(t.select()).mappings()] for t in metadata.sorted_tables}
    engine.dispose()
    return found


def _put_back(url: str, rows: dict[str, list[dict[str, object]]]) -> None:
    from stockade.directory.builtin.schema import metadata

    engine = create_engine(url)
    with engine.begin() as sql:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        sql.execute(text(f"truncate {names} cascade"))
        for table in metadata.sorted_tables:
            if rows[table.name]:
                sql.execute(table.insert(), rows[table.name])
    engine.dispose()


def test_killed_anywhere_and_resumed_it_ends_as_if_it_had_not_been(scene: Scene) -> None:
    places, steps, world = scene.left_alone("run")
    assert places > 25
    assert set(steps) == {"done"}
    assert "new token True" in world
    for at in range(0, places, scene.every):
        scene.again()
        scene.killed("run", at)
        assert scene.left_alone("run")[1:] == (steps, world), at


def test_killed_in_the_undo_and_undone_again_it_gives_back_what_the_plan_says(scene: Scene) -> None:
    scene.left_alone("run")
    scene.keep()
    places, steps, world = scene.left_alone("undo")
    assert "alice active False" in world
    assert "ghost active False" in world
    assert "mallory web/shop 50" in world
    for at in range(0, places, 2 * scene.every):
        scene.again()
        scene.killed("undo", at)
        assert scene.left_alone("undo")[1:] == (steps, world), at


def test_killed_in_the_run_it_can_be_undone_from_the_log_alone(scene: Scene) -> None:
    places, _, _ = scene.left_alone("run")
    for at in range(6, places, 5 * scene.every):
        scene.again()
        scene.killed("run", at)
        _, steps, world = scene.left_alone("undo")
        assert {"undone", "done", "pending", "started"} >= set(steps)
        assert {"alice active False", "ghost active False", "mallory web/shop 50"} <= set(world), at
