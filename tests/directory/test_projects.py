"""Members and tokens open exactly the projects they are for, and everybody may read what is public."""

from __future__ import annotations

import pytest

from stockade.directory import (
    AccountKind,
    BadName,
    BuiltinDirectory,
    CredentialKind,
    Level,
    NameTaken,
    Repository,
    Scope,
    UnknownAccount,
    UnknownRepository,
    Visibility,
)
from tests.directory.conftest import NOW, Stage

BOTH, READ, NONE = frozenset({"read", "write"}), frozenset({"read"}), frozenset[str]()


@pytest.fixture
def directory(stage: Stage) -> BuiltinDirectory:
    stage.directory.create_account("alice", password="correct horse")
    stage.directory.create_repository("group/project")
    stage.directory.create_repository("group/open", Visibility.PUBLIC)
    return stage.directory


def test_a_project_is_found_under_every_spelling_of_its_path(directory: BuiltinDirectory) -> None:
    expected = Repository("group/project", Visibility.PRIVATE)
    for path in ("group/project", "Group/Project", "group/project.git"):
        assert directory.repository(path) == expected
    with pytest.raises(NameTaken):
        directory.create_repository("GROUP/PROJECT")
    assert [repository.path for repository in directory.repositories()] == ["group/open", "group/project"]


@pytest.mark.parametrize(
    "path", ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.b", "a\0", "a/b.git/c", "x" * 256]
)
def test_what_is_no_path_opens_nothing(directory: BuiltinDirectory, path: str) -> None:
    with pytest.raises(BadName):
        directory.create_repository(path)
    with pytest.raises(UnknownRepository):
        directory.repository(path)
    assert directory.allowed(directory.authenticate("alice", "correct horse", NOW), path) == NONE


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (Level.GUEST, NONE),
        (Level.REPORTER, READ),
        (Level.DEVELOPER, BOTH),
        (Level.MAINTAINER, BOTH),
        (Level.OWNER, BOTH),
    ],
)
def test_the_level_of_a_member_of_the_group_holds_in_the_project(
    directory: BuiltinDirectory, level: Level, expected: frozenset[str]
) -> None:
    alice = directory.authenticate("alice", "correct horse", NOW)
    assert directory.allowed(alice, "group/project") == NONE
    directory.add_member("alice", "Group", level)
    assert directory.allowed(alice, "group/project.git") == expected
    directory.remove_member("alice", "group")
    assert directory.allowed(alice, "group/project") == NONE


def test_a_member_has_one_level_in_one_place_and_the_highest_counts(directory: BuiltinDirectory) -> None:
    alice = directory.authenticate("alice", "correct horse", NOW)
    directory.add_member("alice", "group", Level.OWNER)
    directory.add_member("alice", "group", Level.REPORTER)
    assert directory.allowed(alice, "group/project") == READ
    directory.add_member("alice", "group/project", Level.DEVELOPER)
    assert directory.allowed(alice, "group/project") == BOTH
    assert [(m.path, m.level) for m in directory.memberships("alice")] == [("group", 20), ("group/project", 30)]


def test_everybody_reads_what_is_public_and_nothing_else(directory: BuiltinDirectory) -> None:
    assert directory.allowed(None, "group/open") == READ
    assert directory.allowed(None, "group/project") == NONE
    assert directory.allowed(None, "group/nothing") == NONE


def test_an_image_may_lie_below_its_project_and_a_repository_may_not(directory: BuiltinDirectory) -> None:
    directory.add_member("alice", "group/project", Level.DEVELOPER)
    alice = directory.authenticate("alice", "correct horse", NOW)
    assert directory.allowed(alice, "group/project/image/part", "registry") == BOTH
    assert directory.allowed(alice, "group/project/image") == NONE
    assert directory.allowed(alice, "group/projectile/image", "registry") == NONE
    assert directory.allowed(None, "group/open/image", "registry") == READ


def test_a_token_opens_what_its_scopes_and_its_place_allow(directory: BuiltinDirectory) -> None:
    directory.add_member("alice", "group", Level.OWNER)
    directory.create_repository("group/other")

    def with_token(scope: Scope, path: str, within: str | None = None) -> frozenset[str]:
        _, plain = directory.issue_token("alice", "x", [scope], within=within)
        return directory.allowed(directory.authenticate_token(plain, NOW), path)

    assert with_token(Scope.READ_REPOSITORY, "group/project") == READ
    assert with_token(Scope.WRITE_REPOSITORY, "group/project") == BOTH
    assert with_token(Scope.WRITE_REGISTRY, "group/project") == NONE
    assert with_token(Scope.API, "group/project", within="group/project") == BOTH
    assert with_token(Scope.API, "group/other", within="group/project") == NONE
    assert with_token(Scope.API, "group/open", within="group/project") == READ


def test_a_job_token_is_confined_to_its_project(directory: BuiltinDirectory) -> None:
    directory.create_account("runner", AccountKind.BOT, admin=True)
    scopes, kind = [Scope.READ_REPOSITORY], CredentialKind.CI_JOB
    _, plain = directory.issue_token("runner", "job 1", scopes, kind=kind, expires=NOW + 60, within="group/project")
    job = directory.authenticate("gitlab-ci-token", plain, NOW)
    assert directory.allowed(job, "group/project") == READ
    assert directory.allowed(job, "group/nothing") == NONE


def test_administrators_may_all(directory: BuiltinDirectory) -> None:
    directory.create_account("root", password="correct horse", admin=True)
    root = directory.authenticate("root", "correct horse", NOW)
    assert directory.allowed(root, "group/project") == BOTH


def test_changes_are_recorded_once(stage: Stage, directory: BuiltinDirectory) -> None:
    directory.add_member("alice", "group", Level.OWNER)
    directory.remove_member("alice", "group")
    directory.remove_member("alice", "group")
    told = [(event.action, event.details.get("path")) for event in stage.events if event.action.startswith("member.")]
    assert told == [("member.add", "group"), ("member.remove", "group")]


def test_nobody_is_no_member(directory: BuiltinDirectory) -> None:
    with pytest.raises(UnknownAccount):
        directory.add_member("nobody", "group", Level.OWNER)
    with pytest.raises(UnknownAccount):
        directory.memberships("nobody")
