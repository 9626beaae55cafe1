"""Reaching repositories, and files of theirs, that are not for one."""

from __future__ import annotations

import httpx2
import pytest

from stockade.directory import Level
from stockade.gateway.demo import create
from tests.gateway.conftest import Forge
from tests.gateway.git_client import GitClient
from tests.gateway.wire import spoken

FILES = ["config", "HEAD", "objects/info/packs", "description", "hooks/post-receive", "packed-refs", "info/exclude"]

ELSEWHERE = [
    "/demo/../secret/plans.git",
    "/demo/%2e%2e/secret/plans.git",
    "/demo/hello.git/..%2f..%2fsecret/plans.git",
    "/demo/hello.git%00/../../secret/plans.git",
    "/demo/hello.git;x/../..;y/secret/plans.git",
    "//secret//plans.git",
    "/secret/plans",
    "/SECRET/Plans.git",
    "/./secret\\plans.git",
    "/..%5csecret%5cplans.git",
    "/secret/plans.git/../plans.git",
    "/../../../../etc/passwd/../secret/plans.git",
]


@pytest.fixture
def two(forge: Forge) -> Forge:
    """Bob may read ``demo/hello``, and knows that there is a ``secret/plans``."""
    create(forge.state / "repositories/secret/plans.git")
    forge.directory.create_repository("secret/plans")
    forge.directory.create_account("bob", password="correct horse")
    forge.directory.add_member("bob", "demo/hello", Level.REPORTER)
    return forge


def test_no_file_of_a_repository_is_served(two: Forge) -> None:
    for file in FILES:
        for path in (f"/demo/hello.git/{file}", f"/demo/hello/{file}", f"/demo/hello.git/info/refs/../../{file}"):
            assert httpx2.get(two.at.url + path, auth=("bob", "correct horse")).status_code == 404


def test_a_reader_of_one_repository_gets_into_no_other(two: Forge) -> None:
    basic = b"Authorization: Basic Ym9iOmNvcnJlY3QgaG9yc2U="
    for path in ELSEWHERE:
        target = f"{path}/info/refs?service=git-upload-pack".encode()
        [answer] = spoken(
            two.at.port, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n\r\n" % (target, basic)
        )
        assert answer.status in {400, 404}, path
        assert b"refs/heads" not in answer.body


def test_a_reader_cannot_push_whatever_they_call_it(two: Forge, git: GitClient) -> None:
    base = two.at.with_credentials("bob", "correct%20horse")
    assert git.run("clone", "-q", f"{base}/demo/hello.git", "work").returncode == 0
    git.commit(git.directory / "work", "a", b"a\n")
    pushed = git.run("push", "origin", "main", cwd=git.directory / "work")
    assert pushed.returncode != 0
    assert "403" in pushed.stderr
    kind = {"content-type": "application/x-git-receive-pack-request"}
    for path in (
        "/demo/hello.git/git-receive-pack",
        "//demo/hello/git-receive-pack/",
        "/demo/hello.git/git%2Dreceive-pack",
    ):
        for override in ({}, {"x-http-method-override": "GET"}, {"git-protocol": "version=2"}):
            answer = httpx2.post(
                two.at.url + path, content=b"0000", headers={**kind, **override}, auth=("bob", "correct horse")
            )
            assert answer.status_code == 403


def test_a_link_that_leads_out_of_a_repository_is_not_followed_for_who_may_not_read(two: Forge) -> None:
    """Even where the operator's disk has one: what is judged is the project that was asked for."""
    link = two.state / "repositories/demo/link.git"
    link.symlink_to(two.state / "repositories/secret/plans.git")
    answer = httpx2.get(f"{two.at.url}/demo/link.git/info/refs?service=git-upload-pack", auth=("bob", "correct horse"))
    assert answer.status_code == 404


def test_a_name_cannot_become_an_option_or_a_variable(two: Forge) -> None:
    for path in ("/--upload-pack=x/y.git", "/-c/x.git", "/a=b/c.git", "/$HOME/x.git", "/%0aX/y.git", "/demo/.git"):
        answer = httpx2.get(f"{two.at.url}{path}/info/refs?service=git-upload-pack", auth=("bob", "correct horse"))
        assert answer.status_code == 404
