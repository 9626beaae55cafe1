"""A machine's secrets from the first scan to the last tick, on a real directory and a real log."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from stockade.app import Stockade
from stockade.app.host.secrets import Scanned, asked_of, machine_name, scanning
from stockade.app.respond.renewing import Listed, renewing
from stockade.cli import secrets as screen
from stockade.config import load
from stockade.directory import BuiltinDirectory
from stockade.directory.accounts import AccountKind, Level, Scope
from stockade.errors import Refused
from stockade.events import Event, Ref
from stockade.host.secrets.found import Found, Grade

HOST = machine_name()
MACHINE = Ref(HOST, "machine", HOST)
GITLAB = "glpat-" + "Q7bYx2LmP0dRt5VwZk9a"
DATABASE, VARIABLE, COMMITTED = "Vr7-tq2LmX9z", "Kd93hhFq-Tz1", "S3kQpW71xZ-b"


class Machine:
    """A folder with secrets in it, and what is asked about it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.state = folder / "machine", folder / "state"
        file = folder / "stockade.toml"
        file.write_text(f'state = "{self.state}"\n[audit]\nsign_within = "30s"\n')
        self.stockade = Stockade(load(file), by="olga")
        self.planted = [GITLAB, DATABASE, VARIABLE, COMMITTED]

    def write(self, name: str, content: str) -> Path:
        place = self.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        return place

    def scan(self) -> Scanned:
        with scanning(self.stockade) as question:
            return question.run(asked_of(self.stockade, [self.root]))

    def look(self, *, all_: bool = False) -> Listed:
        with renewing(self.stockade) as question:
            return question.look(all_=all_)

    def tick(self, verb: str, ref: Ref, reason: str = "") -> None:
        with renewing(self.stockade) as question:
            question.tick(question.look(), verb, ref, reason)

    def record(self, event: Event) -> None:
        with self.stockade.recording() as recording:
            recording.insist(event)


def populated(directory: BuiltinDirectory) -> str:
    """People, a project with a variable, and a token that reads it; the token in plain."""
    directory.create_account("root", AccountKind.HUMAN, "correct horse battery staple", admin=True)
    alice = directory.create_account("alice", AccountKind.HUMAN, "correct horse battery staple")
    directory.create_repository("web/shop")
    directory.add_member("alice", "web/shop", Level.MAINTAINER)
    directory.set_variable("web/shop", "DEPLOY_KEY", VARIABLE, by=alice.ref)
    directory.set_variable("web/shop", "OTHER", "nobody else has it")
    _, plain = directory.issue_token("alice", "laptop", [Scope.API], by=alice.ref)
    return str.__str__(plain)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The machine before its first scan, made once."""
    made = Machine(tmp_path_factory.mktemp("template"))
    with made.stockade.directory() as directory:
        plain = populated(directory)
    made.write("etc/gitlab.rb", f"gitlab_rails['db_password'] = '{DATABASE}'\n")
    made.write("app/.env", f"TOKEN={GITLAB}\nDEPLOY_KEY={VARIABLE}\n")
    made.write("home/alice/.netrc", f"machine git login alice password {plain}\n")
    app = made.root / "app"
    git = ["git", "-C", str(app), "-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    made.write("app/settings.ini", f"password = {COMMITTED}\n")
    subprocess.run([*git, "add", "settings.ini"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    made.write("app/settings.ini", "password = file:/run/secrets/app\n")
    return made.root.parent


@pytest.fixture
def machine(template: Path, tmp_path: Path) -> Machine:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    made = Machine(tmp_path)
    made.planted.append((made.root / "home/alice/.netrc").read_text().split()[-1])
    return made


def by_name(found: Scanned) -> dict[str, Found]:
    return {each.name: each for each in found.found if each.grade is not Grade.PERHAPS}


def test_one_list_of_all_in_an_order_without_a_way_back(machine: Machine) -> None:
    machine.scan()
    listed = machine.look()
    names = [item.name for item in listed.progress.items]
    place = {item.target: item.position for item in listed.progress.items}
    assert names[0] == f"machine {HOST}"
    assert names[1] == "GitLab's database password db_password"
    joined = {
        str(ref): [Path(each.path).name for each in line.places] for ref, line in listed.lines.items() if line.thing
    }
    assert joined == {"stockade:variable/1": [".env"], "stockade:variable/2": [], "stockade:token/1": [".netrc"]}
    token, variable = Ref("stockade", "token", "1"), Ref("stockade", "variable", "1")
    assert place[token] < place[variable], "who has the token can read the variable"
    assert listed.progress.item(token).owners == ("alice",)
    assert any(item.name.startswith("secret password") and item.owners == ("Ann",) for item in listed.progress.items)


def test_nothing_is_ticked_off_before_the_machine_is_contained_nor_before_what_can_read_it(machine: Machine) -> None:
    machine.scan()
    variable, token = Ref("stockade", "variable", "1"), Ref("stockade", "token", "1")
    with pytest.raises(Refused, match="can still be read by 1 machine"):
        machine.tick("done", token)
    machine.record(Event(machine.stockade.clock(), "network.confirm", None, Ref("host", "network", HOST)))
    with pytest.raises(Refused, match=r"can still be read by \d personal laptop\n"):
        machine.tick("done", variable)
    with machine.stockade.directory() as directory:
        directory.rotate(token)
    listed = machine.look()
    assert listed.progress.ticks[MACHINE].state.value == "done"
    machine.tick("done", variable)
    assert machine.look().progress.ticks[variable].state.value == "done"


def test_a_rotated_secret_is_recognised_one_that_is_the_same_stays_open_and_one_that_is_gone_waits(
    machine: Machine,
) -> None:
    first = by_name(machine.scan())
    machine.tick("done", MACHINE, "unplugged")
    same, rotated = Ref(HOST, "secret", first["TOKEN"].id), Ref(HOST, "secret", first["db_password"].id)
    machine.tick("done", same)
    machine.write("etc/gitlab.rb", "gitlab_rails['db_password'] = 'Another-q2LmX9'\n")
    again = machine.scan()
    assert [event.target for event in again.of("secret.rotated")] == [rotated]
    assert [event.target for event in again.of("rotation.reopen")] == [same]
    ticks = machine.look().progress.ticks
    assert ticks[rotated].state.value == "done"
    assert ticks[same].state.value == "open"
    assert "still the same" in ticks[same].reason

    machine.write("app/.env", f"DEPLOY_KEY={VARIABLE}\n")
    (gone,) = machine.scan().of("secret.rotated")
    assert (gone.target, gone.outcome) == (same, "unknown")
    assert machine.look().progress.ticks[same].state.value == "open", "gone from here is not ended there"
    assert machine.scan().events == ()


def test_a_variable_that_was_rotated_leaves_its_old_value_on_the_list_where_it_still_lies(machine: Machine) -> None:
    machine.scan()
    with machine.stockade.directory() as directory:
        directory.set_variable("web/shop", "DEPLOY_KEY", "Another-q2LmX9")
    machine.scan()
    found = {line.found[0].secret.name: ref for ref, line in machine.look().lines.items() if line.found}
    assert found["DEPLOY_KEY"].system == HOST


def test_no_value_is_shown_or_written_anywhere(
    machine: Machine, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    machine.write("etc/gitlab-secrets.json", '{"gitlab_rails": {"db_key_base": "' + DATABASE)
    machine.write("etc/broken.pem", "-----BEGIN PRIVATE KEY-----\n" + GITLAB)
    config = machine.root.parent / "stockade.toml"
    out = StringIO()
    with caplog.at_level(logging.DEBUG), redirect_stdout(out), redirect_stderr(out):
        for as_json in (False, True):
            screen.scan([machine.root], everything=True, config=config, json=as_json)
            screen.list_(everything=True, config=config, json=as_json)
    said = out.getvalue() + caplog.text + "".join(capsys.readouterr())
    written = b"".join(
        path.read_bytes()
        for path in machine.state.rglob("*")
        if path.is_file() and path.name not in {"directory.sqlite3", "directory.sqlite3-wal"}
    )
    assert len(machine.planted) == 5
    assert machine.planted[-1].startswith("stk_")
    assert [value for value in machine.planted if value in said] == []
    assert [value for value in machine.planted if value.encode() in written] == []
    assert "hmac-sha256:" in said
    assert b"secret.found" in written


def test_the_same_secret_in_two_places_is_one_and_the_screen_says_both(machine: Machine) -> None:
    machine.write("etc/runner.toml", f'token = "{GITLAB}"\n')
    found = by_name(machine.scan())
    assert [Path(place.path).name for place in found["TOKEN"].places] == [".env", "runner.toml"]


def test_own_keys_are_left_out_and_what_could_not_be_seen_is_said(machine: Machine) -> None:
    machine.write("etc/old.tar.gz", "x")
    with scanning(machine.stockade) as question:
        done = question.run(asked_of(machine.stockade, [machine.root.parent]))
    assert not any(str(machine.state) in place.path for each in done.found for place in each.places)
    assert [each.what for each in done.unseen] == ["1 archives", str(machine.state)]
    summary = json.dumps([dict(each.details) for each in done.events])
    assert GITLAB not in summary
