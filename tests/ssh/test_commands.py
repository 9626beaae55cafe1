"""What a client may ask for over SSH, and what sshd is told about a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.gateway.ssh import Asked, NotServed, asked_for, fingerprint_of, sshd_lines

WELCOME = ["git-upload-pack 'demo/hello.git'", "git-upload-pack '/demo/hello.git'", "git-upload-pack 'Demo/Hello'"]
STRANGE = [
    *("id", "git-upload-pack", "git-upload-pack demo/hello.git", "git-upload-pack 'a/b' 'c'", "git-shell -c 'a'"),
    *("git-upload-archive 'a/b'", "git-upload-pack 'a/b'; id", "git-upload-pack 'a'\n'b'", "x" * 5000),
    *("git-upload-pack '/etc/passwd/..'", "git-upload-pack 'a/../b'", "git-upload-pack '-x'", "git-upload-pack ''"),
]


@pytest.mark.parametrize("command", WELCOME)
def test_git_asks_for_a_project_in_several_spellings(command: str) -> None:
    assert asked_for(command) == Asked("demo/hello", "git-upload-pack", "read")


def test_a_push_must_be_allowed_to_write() -> None:
    assert asked_for("git-receive-pack 'g/p.git'").action == "write"


@pytest.mark.parametrize("command", STRANGE)
def test_anything_else_is_not_served(command: str) -> None:
    with pytest.raises(NotServed):
        asked_for(command)


@given(st.text(max_size=60))
def test_a_path_never_leaves_the_repositories(path: str) -> None:
    try:
        asked = asked_for(f"git-upload-pack '{path}'")
    except NotServed:
        return
    assert not asked.project.startswith(("/", "-"))
    assert not {"..", ".", ""} & set(asked.project.split("/"))


def test_fingerprints_are_those_of_ssh_keygen() -> None:
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIPq8l2iVWqHxLpkXO0tNbH1pXH2jVjF9gJwWqf1V9b6K"
    assert (fingerprint_of(key) or "").startswith("SHA256:")
    assert len(fingerprint_of(key) or "") == 50
    assert fingerprint_of("not base64!") is None


def test_the_lines_for_sshd_name_a_whole_command() -> None:
    lines = sshd_lines("git", ["/opt/stock ade/bin/stockade", "ssh", "authorized-keys", "--config", "/etc/s.toml"])
    assert "Match User git" in lines
    command = "'/opt/stock ade/bin/stockade' ssh authorized-keys --config /etc/s.toml %u %t %k"
    assert f"    AuthorizedKeysCommand {command}\n" in lines
