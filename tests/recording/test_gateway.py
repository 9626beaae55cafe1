"""Who read and who wrote which repository or image: once for each operation, and never a secret of theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockade.events import Event
from stockade.gateway.git_record import packets
from tests.gateway.conftest import Forge, StartForge, git, start_forge
from tests.gateway.git_client import GitClient
from tests.gateway.images import Skopeo
from tests.servers.docker_registry import write_image
from tests.servers.processes import wait_until

__all__ = ["git", "start_forge"]


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def forge(start_forge: StartForge, events: list[Event]) -> Forge:
    return start_forge(record=events.append)


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.action, event.outcome) for event in events]


def test_a_clone_is_one_reading_with_who_what_and_where_from(forge: Forge, git: GitClient, events: list[Event]) -> None:
    url = forge.at.with_credentials("ci-bot", forge.made.token_plain)
    git.must("clone", "-q", f"{url}/demo/hello.git", "work")
    (event,) = events
    assert (event.action, event.outcome, event.source) == ("repository.read", "success", "127.0.0.1")
    assert (str(event.actor), str(event.target)) == ("stockade:user/ci-bot", "stockade:project/demo/hello")
    assert event.details == {"credential": str(forge.made.token.ref)}
    assert str(forge.made.token_plain) not in repr(event)


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_only_what_leaves_is_a_reading(forge: Forge, git: GitClient, events: list[Event], version: str) -> None:
    protocol = ("-c", f"protocol.version={version}")
    url = f"{forge.alice}/{forge.repository}"
    git.must(*protocol, "ls-remote", url)
    assert git.run(*protocol, "clone", "-q", f"{forge.mallory}/{forge.repository}", "never").returncode
    assert told(events) == []
    git.must(*protocol, "clone", "-q", url, "work")
    git.must(*protocol, "fetch", "-q", cwd=git.directory / "work")
    assert told(events) == [("repository.read", "success")], "a fetch without news moves nothing"


def test_a_fetch_that_negotiates_in_several_requests_is_one_reading(
    forge: Forge, git: GitClient, events: list[Event]
) -> None:
    url = f"{forge.alice}/{forge.repository}"
    git.must("clone", "-q", url, "ours")
    git.must("clone", "-q", url, "theirs")
    for number in range(60):
        git.must("commit", "-q", "--allow-empty", "-m", f"ours {number}", cwd=git.directory / "ours")
    git.commit(git.directory / "theirs", "theirs", b"theirs\n")
    git.must("push", "-q", "origin", "main", cwd=git.directory / "theirs")
    wait_until(lambda: ("repository.write", "success") in told(events), "the push being recorded")
    events.clear()
    git.must("fetch", "-q", cwd=git.directory / "ours")
    assert told(events) == [("repository.read", "success")]


def test_a_push_names_its_references_and_whether_they_were_taken(
    forge: Forge, git: GitClient, events: list[Event]
) -> None:
    git.must("clone", "-q", f"{forge.alice}/{forge.repository}", "work")
    work = git.directory / "work"
    before = git.must("rev-parse", "HEAD", cwd=work).strip()
    git.commit(work, "small", b"hello\n")
    after = git.must("rev-parse", "HEAD", cwd=work).strip()
    events.clear()
    git.must("push", "-q", "origin", "main", "main:second", cwd=work)
    wait_until(lambda: bool(events), "the push being recorded")
    (event,) = events
    assert (event.action, event.outcome) == ("repository.write", "success")
    assert event.details["references"] == [
        {"name": "refs/heads/main", "old": before, "new": after},
        {"name": "refs/heads/second", "old": "0" * 40, "new": after},
    ]
    hook = forge.state / "repositories" / "demo/hello.git" / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    git.commit(work, "more", b"more\n")
    assert git.run("push", "-q", "origin", "main", cwd=work).returncode
    wait_until(lambda: len(events) == 2, "the refused push being recorded")
    assert told(events)[1] == ("repository.write", "failure")


def test_a_large_push_which_is_tried_first_is_one_writing(forge: Forge, git: GitClient, events: list[Event]) -> None:
    git.must("clone", "-q", f"{forge.alice}/{forge.repository}", "work")
    work = git.directory / "work"
    git.commit(work, "big", bytes(range(256)) * 20_000)
    events.clear()
    git.must("-c", "http.postBuffer=1000", "push", "-q", "origin", "main", cwd=work)
    wait_until(lambda: bool(events), "the push being recorded")
    assert told(events) == [("repository.write", "success")]


def test_images_are_recorded_as_they_are_pushed_and_pulled(
    start_forge: StartForge, events: list[Event], tmp_path: Path
) -> None:
    forge = start_forge(registry=True, record=events.append)
    (tmp_path / "skopeo").mkdir()
    skopeo = Skopeo(tmp_path / "skopeo", forge.at.port)
    write_image(tmp_path / "image", size=10_000)
    skopeo.login("ci-bot", forge.made.token_plain)
    assert skopeo.push(tmp_path / "image", "demo/hello/app:v1").returncode == 0
    assert skopeo.pull("demo/hello/app:v1", tmp_path / "pulled").returncode == 0
    assert told(events) == [("image.write", "success"), ("image.read", "success")]
    for event in events:
        assert (str(event.actor), str(event.target)) == ("stockade:user/ci-bot", "stockade:image/demo/hello/app")
        assert event.details == {"reference": "v1", "credential": str(forge.made.token.ref)}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", []), (b"0000", []), (b"0006ab0000", [b"ab"]), (b"0006ab0005c0000", [b"ab", b"c"]), (b"0003", []),
        (b"00ffab", []), (b"zzzz", []), (b"0006ab00", [b"ab"]),
    ],
)  # fmt: skip
def test_packets_are_read_up_to_what_is_none(data: bytes, found: list[bytes]) -> None:
    assert list(packets(data)) == found
