"""What a site serves at which path, and what it does not."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from stockade.directory import BuiltinDirectory
from stockade.directory.sealing import Sealing
from stockade.errors import ConfigurationError
from stockade.gateway import demo
from stockade.gateway.app import build
from stockade.gateway.server import listen
from stockade.gateway.site import Site
from stockade.guard.gate import Guard
from tests.gateway.conftest import Forge
from tests.gateway.echo import echo
from tests.gateway.running import serving

CONTACT = "Contact: mailto:security@example.org\r\nExpires: 2030-01-01T00:00:00Z\r\n"


def test_security_txt_is_served_for_the_sites_behind_the_gateway() -> None:
    with ExitStack() as stack:
        upstream = stack.enter_context(serving(echo))
        site = Site(Guard(), upstream=upstream.url, security_txt=CONTACT)
        gateway = stack.enter_context(serving(build(site)))
        answer = httpx2.get(f"{gateway.url}/.well-known/security.txt")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.content.decode() == CONTACT
        assert httpx2.get(f"{gateway.url}/other").json()["target"] == "/other"


def test_a_directory_and_an_upstream_share_the_paths() -> None:
    with ExitStack() as stack:
        upstream = stack.enter_context(serving(echo))
        gateway = stack.enter_context(serving(build(Site(Guard(), upstream=upstream.url))))
        for path in ("/", "/users/sign_in", "/v2/", "/jwt/auth", "/a.git/info/refs"):
            assert httpx2.get(gateway.url + path).json()["target"] == path


def test_there_is_nothing_elsewhere(forge: Forge) -> None:
    for path in ("/nowhere", "/.well-known/security.txt", "/v2/", "/jwt/auth", "/users"):
        assert httpx2.get(forge.at.url + path).status_code == 404


def test_repositories_need_accounts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        Site(Guard(), repositories=tmp_path)


def test_a_port_that_is_taken_is_said(forge: Forge) -> None:
    with pytest.raises(ConfigurationError, match="cannot be listened on"):
        listen("127.0.0.1", forge.at.port)


def test_where_others_live_nobody_is_made_and_nothing_promised(tmp_path: Path) -> None:
    with BuiltinDirectory(f"sqlite:///{tmp_path}/directory.db", sealing=Sealing(bytes(32))) as directory:
        directory.migrate()
        directory.create_account("ci-bot")
        found = demo.prepare(tmp_path, directory)
        assert (found.made, found.there) == (None, False)
        assert found.repositories.is_dir()
        assert [account.name for account in directory.accounts()] == ["ci-bot"]


def test_the_forge_is_made_once(forge: Forge) -> None:
    again = demo.prepare(forge.state, forge.directory)
    assert (again.made, again.there) == (None, True)
    assert again.repositories == forge.state / "repositories"
