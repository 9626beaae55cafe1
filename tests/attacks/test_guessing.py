"""Guessing passwords and tokens: nowhere is a guess answered that no rule counts, and nothing clears the count for
who has proven nothing.
"""

from __future__ import annotations

import httpx2
import pytest

from stockade.directory import Passwords, UnknownCredentials, Visibility
from stockade.gateway.demo import create
from tests.gateway.conftest import MAXRETRY, Forge

ALICE = "Basic YWxpY2U6Z3Vlc3NlZA=="
UNREADABLE = {
    "an unknown scheme": {"Authorization": "Nonsense x"},
    "a bearer of nothing known": {"Authorization": "Bearer x"},
    "Basic that is no base64": {"Authorization": "Basic ###"},
    "a job token that nobody reads": {"Job-Token": "x"},
    "a deploy token that nobody reads": {"Deploy-Token": "x"},
    "an unknown private token": {"Private-Token": "x"},
}


def refs(forge: Forge, query: str = "service=git-upload-pack", **headers: str) -> httpx2.Response:
    return httpx2.get(f"{forge.at.url}/open/all.git/info/refs?{query}", headers=headers)


@pytest.fixture
def public(forge: Forge) -> Forge:
    """A forge with a repository that anybody may read."""
    create(forge.state / "repositories/open/all.git")
    forge.directory.create_repository("open/all", Visibility.PUBLIC)
    return forge


def test_pages_do_not_tell_a_right_password_from_a_wrong_one(forge: Forge) -> None:
    for path in ("/", "/users/sign_in", "/users/password/new"):
        right = httpx2.get(forge.at.url + path, auth=("alice", str(forge.made.password)))
        wrong = httpx2.get(forge.at.url + path, auth=("alice", "guessed"))
        assert right.status_code == wrong.status_code == 200
        assert "<strong>alice</strong>" not in right.text


@pytest.mark.parametrize("headers", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_credentials_that_cannot_be_read_clear_no_count(public: Forge, headers: dict[str, str]) -> None:
    assert refs(public).status_code == 200, "anybody may read it"
    for _ in range(MAXRETRY - 1):
        assert refs(public, Authorization=ALICE).status_code == 401
    refs(public, **headers)
    assert refs(public, Authorization=ALICE).status_code in {401, 403}
    assert refs(public).status_code == 403, "banned all the same"


def test_credentials_in_the_query_clear_no_count(public: Forge) -> None:
    for _ in range(MAXRETRY - 1):
        refs(public, Authorization=ALICE)
    many = "&".join(f"a{n}=b" for n in range(200))
    refs(public, f"service=git-upload-pack&{many}&private_token=x")
    refs(public, Authorization=ALICE)
    assert refs(public).status_code == 403


def test_guesses_spread_over_names_are_guesses_of_one_client(forge: Forge) -> None:
    for number in range(MAXRETRY):
        auth = (f"user{number}", "Winter2026")
        assert httpx2.get(f"{forge.at.url}/{forge.repository}/info/refs", auth=auth).status_code == 401
    assert refs(forge).status_code == 403


def test_a_stranger_cannot_lock_a_user_out(forge: Forge) -> None:
    """Failures are counted by address: the owner, at another one, is not concerned."""
    for _ in range(MAXRETRY):
        refs(forge, Authorization=ALICE)
    assert [ban.client for ban in forge.guard.bans()] == ["127.0.0.1"]
    assert not forge.directory.account("alice").blocked
    forge.directory.authenticate("alice", str(forge.made.password), 0.0)


def test_git_takes_the_service_that_was_judged(public: Forge) -> None:
    """``git http-backend`` believes the last of two parameters; it is told the one that was allowed."""
    for path in ("/open/all.git/info/refs", "//open/./all.git/info/refs", "/open/all/info/refs"):
        for separator in "&;":
            query = f"service=git-upload-pack{separator}service=git-receive-pack"
            answer = httpx2.get(f"{public.at.url}{path}?{query}")
            assert answer.status_code == 200
            assert b"service=git-upload-pack" in answer.content
            assert b"receive-pack" not in answer.content


def test_no_query_brings_the_gateway_down(forge: Forge) -> None:
    for query in ("&".join(f"a{n}" for n in range(300)), "%", "service", "service=%ff", "="):
        for path in ("/demo/hello.git/info/refs", "/", "/users/sign_in"):
            assert httpx2.get(f"{forge.at.url}{path}?{query}").status_code < 500


def test_a_reserved_login_costs_no_hash(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """``gitlab-ci-token`` is exempt from bans, and no account can have the name: there is nothing to hash for."""

    def hashing(*_: object) -> bool:
        raise AssertionError("a password was hashed")

    monkeypatch.setattr(Passwords, "_matches", hashing)
    for login in ("gitlab-ci-token", "ci-token"):
        with pytest.raises(UnknownCredentials):
            forge.directory.authenticate(login, "guessed", 0.0)
