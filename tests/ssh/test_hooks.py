"""Git hooks of the directory, run by real git over HTTP and SSH: the operator's programs and no other."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from threading import Thread

import pytest

from stockade.directory import Integration, Level
from stockade.errors import ConfigurationError
from stockade.gateway.git_hooks import refuse_unsafe
from stockade.securitylog import read_back
from tests.servers.processes import wait_until
from tests.ssh.conftest import House

REFUSES = """#!/bin/sh
read old new name
echo "$STOCKADE_USER may not push to $name of $STOCKADE_PROJECT"
git cat-file -e "$new" || echo "the push cannot be seen"
env | sed -n "s/^STOCKADE_HOOKS.*/too much is told/p; s/^STOCKADE_STATE.*/too much is told/p"
[ "$name" = refs/heads/forbidden ] && exit 1
exit 0
"""
NAP = f"60.{os.getpid()}"  # seconds that nobody else on this machine sleeps
SLEEPS = f"#!/bin/sh\nexec sleep {NAP}\n"
OTHER = "#!/bin/sh\necho I was planted; touch planted\n"
PUSHES = ("http", "ssh")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("hooks")
    for name, text in (("refuses", REFUSES), ("sleeps", SLEEPS)):
        (made / name).write_text(text)
        (made / name).chmod(0o755)
    made.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def more(folder: Path) -> str:
    """What the house's configuration says beside."""
    return f'git_hooks = "{folder}"\npreset = "none"\n'


@pytest.fixture(scope="module")
def work(house: House) -> Path:
    """A clone in which there is something to push, as alice over HTTP and as bob over SSH."""
    house.directory.create_account("bob")
    house.directory.add_member("bob", "demo/hello", Level.OWNER)
    house.add_key("bob", "bob")
    url = f"http://alice:{house.forge.password}@127.0.0.1:{house.forge.port}/demo/hello.git"
    house.git.must("clone", "-q", url, "work")
    house.git.must("remote", "add", "http", url, cwd=house.base / "work")
    house.git.must("remote", "add", "ssh", house.url, cwd=house.base / "work")
    return house.base / "work"


@pytest.fixture
def hook(house: House) -> Iterator[list[Integration]]:
    """Hooks that are gone at the end of the test."""
    made: list[Integration] = []
    yield made
    for each in made:
        house.directory.revoke(each.ref)


def push(house: House, work: Path, over: str, branch: str) -> CompletedProcess[str]:
    house.git.commit(work, branch.replace("/", "-"), str(time.monotonic_ns()).encode())
    return house.run("bob", "push", over, f"HEAD:refs/heads/{branch}", cwd=work)


def runs(house: House) -> list[dict[str, object]]:
    log = house.base / "state" / "security.log"
    return [dict(entry) for entry in read_back(log) if entry["action"] == "githook.run"]


@pytest.mark.parametrize("over", PUSHES)
def test_a_refusal_reaches_who_pushes_and_a_pause_or_an_end_holds_at_the_next_push(
    house: House, work: Path, hook: list[Integration], over: str
) -> None:
    made = house.directory.add_githook("demo/hello", "pre-receive", REFUSES)
    hook.append(made)
    who = "alice" if over == "http" else "bob"
    refused = push(house, work, over, "forbidden")
    assert refused.returncode != 0
    assert f"remote: {who} may not push to refs/heads/forbidden of demo/hello" in refused.stderr
    assert "cannot be seen" not in refused.stderr
    assert "too much is told" not in refused.stderr
    assert push(house, work, over, f"{over}-allowed").returncode == 0
    wait_until(lambda: [(each["outcome"], each["code"]) for each in runs(house)][-2:] == [
        ("failure", 1), ("success", 0)
    ], "both runs on record")  # fmt: skip
    house.directory.pause(made.ref)
    paused = push(house, work, over, f"{over}-paused")
    assert (paused.returncode, "may not" in paused.stderr) == (0, False)
    house.directory.resume(made.ref)
    assert "may not push" in push(house, work, over, f"{over}-on").stderr
    house.directory.revoke(made.ref)
    ended = push(house, work, over, f"{over}-ended")
    assert (ended.returncode, "may not" in ended.stderr) == (0, False)
    assert not [each for each in (house.base / "state" / "repositories").rglob("hooks/*") if each.suffix != ".sample"]


@pytest.mark.parametrize("over", PUSHES)
def test_a_program_that_only_the_database_names_is_never_run(
    house: House, work: Path, hook: list[Integration], over: str
) -> None:
    hook.append(house.directory.add_githook("demo/hello", "post-receive", OTHER))
    done = push(house, work, over, f"{over}-planted")
    assert (done.returncode, "planted;" in done.stderr, "I was planted" in done.stderr) == (0, False, False)
    wait_until(lambda: "not allowed" in str(runs(house)[-1].get("reason")), "the refusal on record")
    assert not list((house.base / "state").rglob("planted"))


@pytest.mark.parametrize("over", PUSHES)
def test_who_is_blocked_in_the_middle_of_a_push_is_cut_off_and_nothing_was_pushed(
    house: House, work: Path, hook: list[Integration], over: str
) -> None:
    hook.append(house.directory.add_githook("demo/hello", "pre-receive", SLEEPS))
    done: list[CompletedProcess[str]] = []
    who = "alice" if over == "http" else "bob"
    pushing = Thread(target=lambda: done.append(push(house, work, over, f"{over}-cut")))
    pushing.start()
    wait_until(lambda: sleeping() == 1, "the hook")
    house.directory.block(who)
    try:
        pushing.join(50)
        assert done
        assert done[0].returncode != 0
        wait_until(lambda: sleeping() == 0, "the hook to end")
    finally:
        house.directory.unblock(who)
    assert f"{over}-cut" not in house.run("bob", "ls-remote", "ssh", cwd=work).stdout


def sleeping() -> int:
    """How many of the hooks that sleep are there."""
    found = 0
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += each.read_bytes() == f"sleep\0{NAP}\0".encode()
        except OSError:
            continue
    return found


def test_a_folder_that_others_can_change_decides_nothing(tmp_path: Path, folder: Path) -> None:
    refuse_unsafe(folder)
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(folder)
    for wrong in (tmp_path / "open", tmp_path / "link", tmp_path / "gone"):
        with pytest.raises(ConfigurationError):
            refuse_unsafe(wrong)
