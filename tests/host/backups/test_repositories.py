"""Backups that borg, restic, rsync and tar have really made are asked for the newest from before the intruder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path

import pytest

from stockade.errors import ConfigurationError, Unavailable
from stockade.host.backups.reading import backups, contents
from stockade.host.backups.repositories import Repositories, repository
from stockade.respond.judging import Evil, Indicator, Judged, judge
from stockade.respond.rebuild import choice, judged
from tests.cli.terminal import Terminal
from tests.servers.processes import program

SECRET = "correct-horse-battery"
DAYS = ("2026-11-19", "2026-11-20")
OLD = 1_790_000_000.0
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJbYx2LmP0dRt5VwZk9aQ7bYx2LmP0dRt5VwZk9aQ7bY"
EVIL = b"#!/bin/sh\necho evil\n"


GOOD = {
    "/etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
    "/usr/bin/tool": b"#!/bin/sh\necho good\n",
    "/home/bob/.ssh/authorized_keys": b"ssh-ed25519 AAAA" + b"B" * 40 + b" bob@laptop\n",
}
BAD = {
    "/etc/passwd": GOOD["/etc/passwd"] + b"eve:x:0:0::/:/bin/sh\n",
    "/usr/bin/tool": EVIL,
    "/home/bob/.ssh/authorized_keys": b"ssh-ed25519 " + KEY.encode() + b" x\n",
    "/etc/cron.d/evil": b"* * * * * root id\n",
}


@dataclass(frozen=True)
class Made:
    """A folder with a repository of each program, snapshots of rsync and tar files, and lists of the same."""

    folder: Path
    digests: dict[str, str]

    def place(self, how: str) -> list[str]:
        return [str(self.folder / how)]


def machine(root: Path, *, evil: bool) -> None:
    """A small machine, beneath a folder that its backups have in their paths; the intruder comes in four ways."""
    for path, text in (GOOD | (BAD if evil else {})).items():
        place = root / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text)
    for name, made in (("usr/bin/same", os.link), ("usr/bin/other", os.symlink)):
        (root / name).unlink(missing_ok=True)
        made("tool" if made is os.symlink else root / "usr/bin/tool", root / name)
    for place in root.rglob("*"):
        os.utime(place, (OLD, OLD), follow_symlinks=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Two days of backups, made once for all processes of a test run; the intruder is in the last."""
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    folder = tmp_path_factory.mktemp("backups") if alone else tmp_path_factory.getbasetemp().parent / "backups"
    folder.mkdir(exist_ok=True)
    with (folder / "made").open("a+") as lock:
        flock(lock, LOCK_EX)
        secrets = {"BORG_PASSPHRASE": SECRET, "RESTIC_PASSWORD": SECRET}
        homes = {"BORG_BASE_DIR": str(folder / "borg-home"), "XDG_CACHE_HOME": str(folder / "cache")}
        environment = os.environ | secrets | homes | {"TZ": "UTC"}
        if os.fstat(lock.fileno()).st_size == 0:
            make(folder, environment)
            lock.write("made")
    with pytest.MonkeyPatch.context() as patch:
        for name in (*secrets, *homes):
            patch.setenv(name, environment[name])
        yield Made(
            folder,
            {path: sha256(octets).hexdigest() for path, octets in GOOD.items()}
            | {"/usr/bin/same": sha256(GOOD["/usr/bin/tool"]).hexdigest()},
        )


def make(folder: Path, environment: dict[str, str]) -> None:
    """Have every program make its backups, of a machine that is gone then."""

    def run(*words: str | Path, into: str = "") -> None:
        done = subprocess.run([program(str(words[0]), PACKAGES[str(words[0])]), *words[1:]], cwd=folder / "src",
                              env=environment, check=True, capture_output=True, timeout=60)  # fmt: skip
        if into:
            (folder / into).parent.mkdir(exist_ok=True)
            (folder / into).write_bytes(done.stdout)

    root = folder / "src/snap"
    machine(root, evil=False)
    run("borg", "init", "-e", "repokey", folder / "borg")
    run("restic", "init", "-r", folder / "restic")
    for day in DAYS:
        machine(root, evil=day == DAYS[-1])
        run("borg", "create", "--timestamp", f"{day}T03:00:00", f"{folder}/borg::web1-{day}", "snap")
        run("restic", "backup", "-r", folder / "restic", "--host", "web1", "--time", f"{day} 03:00:00", "snap")
        run("rsync", "-a", "-H", f"{root}/", folder / "rsync" / day, "--mkpath")
        run("tar", "-caf", folder / f"tar-{day}.tar.zst", "snap")
        form = "{path}{size}{mode}{type}{mtime}{sha256}"
        run("borg", "list", "--json-lines", "--format", form, f"{folder}/borg::web1-{day}", into=f"listed/{day}.json")
    (folder / "tar").mkdir()
    for each in folder.glob("tar-*"):
        each.rename(folder / "tar" / each.name)
    shutil.rmtree(root)


PACKAGES = {"borg": "borgbackup", "restic": "restic", "rsync": "rsync", "tar": "tar"}
TRACES = {
    "a file": Indicator("path", "/etc/cron.d/evil"),
    "an account": Indicator("account", "eve"),
    "a key": Indicator("key", KEY),
    "octets": Indicator("sha256", sha256(EVIL).hexdigest()),
}


def asked(made: Made, how: str, evil: Evil, baseline: dict[str, str]) -> tuple[Judged | None, tuple[Judged, ...]]:
    def opened(each: object) -> Judged:
        wanted: Callable[[str], bool] | None = (lambda _path: True) if evil.of("sha256") or baseline else None
        return judge(each, contents(each, wanted), evil, baseline)  # type: ignore[arg-type]

    found = judged(backups(made.place(how)), evil, opened)
    return choice(found), found


@pytest.mark.parametrize("how", ["borg", "restic", "rsync", "tar"])
def test_the_newest_from_before_the_intruder_is_found_by_traces_and_by_digests(made: Made, how: str) -> None:
    chosen, found = asked(made, how, Evil(None, tuple(TRACES.values())), made.digests)
    assert [each.verdict.value for each in found] == ["clean", "tainted"], found
    assert chosen is not None
    assert chosen.backup.taken is not None
    if how in {"borg", "restic"}:
        assert (chosen.backup.taken, bool(chosen.backup.host)) == (1795057200.0, True)
    assert {each.partition(":")[0] for each in found[-1].why.split("; ")} == {"path", "account", "key", "sha256"}


def test_a_hard_link_has_the_octets_of_what_it_leads_to(made: Made) -> None:
    _, found = asked(made, "tar", Evil(None, (TRACES["octets"],)), {})
    assert [each.removeprefix("/snap") for each in found[-1].files] == ["/usr/bin/tool", "/usr/bin/same"]


def test_a_program_that_was_changed_is_a_doubt_where_a_baseline_is_all_there_is(made: Made) -> None:
    chosen, found = asked(made, "tar", Evil(), made.digests)
    assert chosen is not None
    assert chosen.backup.name == "tar-2026-11-19.tar.zst"
    assert set(found[-1].files) >= {"/usr/bin/tool", "/etc/cron.d/evil"}


def test_a_list_of_borg_answers_by_digests_but_not_by_accounts(made: Made) -> None:
    chosen, _ = asked(made, "listed", Evil(None, (TRACES["octets"],)), {})
    assert chosen is not None
    assert chosen.backup.name == "2026-11-19"
    chosen, found = asked(made, "listed", Evil(None, (TRACES["an account"],)), {})
    assert chosen is None
    assert "not told which accounts" in found[-1].why


def test_one_command_goes_from_a_repository_to_the_answer_and_nobody_sees_the_passphrase(
    made: Made, terminal: Terminal
) -> None:
    shim = terminal.directory / "bin"
    shim.mkdir()
    for name in ("borg", "restic"):
        (shim / name).write_text(
            f'#!/bin/sh\necho "$@" >> {terminal.directory}/seen\nexec {program(name, name)} "$@"\n'
        )
        (shim / name).chmod(0o755)
    environ = {"PATH": f"{shim}:{os.environ['PATH']}", "HOME": str(terminal.directory)}
    asking = Terminal(terminal.directory, environ | {"BORG_PASSPHRASE": SECRET, "RESTIC_PASSWORD": SECRET,
                                                     "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"})  # fmt: skip
    before = sorted(made.folder.glob("borg/**/*"))
    host = os.uname().nodename
    said = asking(f"rebuild plan --machine web1 --indicator account:eve --json --backups {made.folder}/restic")
    assert said.json["taken"] == 1795057200.0, said.err
    said = asking(f"rebuild plan --machine {host} --indicator account:eve --json --backups borg:{made.folder}/borg")
    assert said.json["backup"] == "web1-2026-11-19", said.err
    assert sorted(made.folder.glob("borg/**/*")) == before, "no lock, and nothing else, was left there"
    seen = (terminal.directory / "seen").read_text() + said.out + said.err
    seen += "".join(each.read_text("latin-1") for each in (terminal.directory / "state").rglob("*") if each.is_file())
    assert SECRET not in seen


def test_somebody_is_asked_for_a_passphrase_once(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESTIC_PASSWORD")
    with pytest.raises(ConfigurationError) as refused:
        backups(made.place("restic"))
    assert "RESTIC_PASSWORD_FILE" in refused.value.remedy
    asked_for = list[str]()

    def ask(place: str) -> str:
        asked_for.append(place)
        return SECRET

    repositories = Repositories(ask)
    first = backups(made.place("restic"), repositories)[0]
    assert any(each.path == "/snap/etc/passwd" and each.names for each in contents(first, None, repositories))
    assert len(asked_for) == 1
    assert SECRET not in repr(repositories)


def test_a_location_with_a_password_in_it_is_refused_and_a_program_that_is_not_there_is_named(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="password in the location"):
        repository("restic:rest:https://bob:hunter2@example.org/")
    assert repository("borg:ssh://bob@example.org/./repo") == ("borg", "ssh://bob@example.org/./repo")
    monkeypatch.setenv("PATH", str(made.folder))
    with pytest.raises(Unavailable, match="no program restic"):
        backups(made.place("restic"))


def test_what_restic_prints_of_a_snapshot_says_of_which_machine_it_is(made: Made, tmp_path: Path) -> None:
    words = ["restic", "-r", str(made.folder / "restic"), "--no-lock", "ls", "latest", "--json"]
    (tmp_path / "list").write_bytes(subprocess.run(words, check=True, capture_output=True).stdout)
    (backup,) = backups([str(tmp_path / "list")])
    assert (backup.kind, backup.host, backup.taken) == ("restic", "web1", 1795143600.0)
    found = judge(backup, contents(backup, None), Evil(None, (TRACES["a file"],)), {})
    assert (found.verdict.value, found.files) == ("tainted", ("/snap/etc/cron.d/evil",))
    assert json.loads((tmp_path / "list").read_text().splitlines()[0])["hostname"] == "web1"
