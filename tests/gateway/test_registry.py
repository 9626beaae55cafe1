"""A real container registry behind the gateway, its tokens, and its failures counted with those of Git."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx2
import jwt
import pytest

from stockade.directory import Level
from stockade.gateway.registry_scopes import granted, wanted
from stockade.gateway.registry_token import Access, Signer
from tests.gateway.conftest import MAXRETRY, Forge, StartForge
from tests.gateway.git_client import GitClient
from tests.gateway.images import Skopeo
from tests.servers.docker_registry import write_image
from tests.servers.processes import accepts, wait_until


@pytest.fixture
def forge(start_forge: StartForge) -> Forge:
    return start_forge(registry=True)


@pytest.fixture
def skopeo(forge: Forge, tmp_path: Path) -> Skopeo:
    home = tmp_path / "skopeo"
    home.mkdir()
    return Skopeo(home, forge.at.port)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    write_image(tmp_path / "image", size=3_000_000)
    return tmp_path / "image"


def token_for(forge: Forge, scope: str = "repository:demo/hello/app:pull,push") -> str:
    answer = httpx2.get(
        f"{forge.at.url}/jwt/auth",
        params={"service": "stockade-registry", "scope": scope},
        auth=("alice", forge.made.password),
    )
    return str(answer.json()["token"])


def test_a_member_logs_in_pushes_an_image_and_pulls_it(
    forge: Forge, skopeo: Skopeo, layout: Path, tmp_path: Path
) -> None:
    assert "Login Succeeded" in skopeo.login("alice", forge.made.password).stdout
    pushed = skopeo.push(layout, "demo/hello/app:v1")
    assert pushed.returncode == 0, pushed.stderr
    pulled = skopeo.pull("demo/hello/app:v1", tmp_path / "pulled")
    assert pulled.returncode == 0, pulled.stderr
    blobs = {file.read_bytes() for file in (layout / "blobs/sha256").iterdir()}
    assert {file.read_bytes() for file in (tmp_path / "pulled").iterdir()} & blobs


def test_a_reader_may_pull_and_not_push(forge: Forge, skopeo: Skopeo, layout: Path, tmp_path: Path) -> None:
    forge.directory.create_account("reader", password="correct horse")
    forge.directory.add_member("reader", "demo/hello", Level.REPORTER)
    skopeo.login("alice", forge.made.password)
    skopeo.push(layout, "demo/hello/app:v1")
    skopeo.login("reader", "correct horse")
    assert skopeo.pull("demo/hello/app:v1", tmp_path / "pulled").returncode == 0
    assert "denied" in skopeo.push(layout, "demo/hello/app:v2").stderr


def test_a_token_of_a_bot_logs_in(forge: Forge, skopeo: Skopeo) -> None:
    assert skopeo.login("ci-bot", forge.made.token_plain).returncode == 0


def test_wrong_passwords_at_the_registry_and_at_git_are_counted_together(
    forge: Forge, skopeo: Skopeo, git: GitClient
) -> None:
    for _ in range(2):
        assert "Authentication failed" in git.run("clone", f"{forge.mallory}/demo/hello.git").stderr
    for _ in range(MAXRETRY - 2):
        assert "invalid username/password" in skopeo.login("alice", "guessed").stderr
    assert "403" in git.run("clone", f"{forge.alice}/demo/hello.git").stderr
    refused = skopeo.login("alice", forge.made.password)
    assert refused.returncode != 0
    [ban] = forge.guard.bans()
    assert ban.evidence == "GET /jwt/auth 401"
    forge.guard.unban("127.0.0.1")
    assert skopeo.login("alice", forge.made.password).returncode == 0


def test_a_banned_client_is_told_so_in_the_registrys_own_words(forge: Forge) -> None:
    forge.guard.ban("127.0.0.1")
    for path in ("/v2/", "/jwt/auth", "//v2/demo/hello/tags/list"):
        answer = httpx2.get(forge.at.url + path)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {"errors": [{"code": "DENIED", "message": "Too many failed attempts from this client"}]}


def test_a_blocked_user_is_refused_with_the_tokens_they_hold(forge: Forge, skopeo: Skopeo, layout: Path) -> None:
    skopeo.login("alice", forge.made.password)
    assert skopeo.push(layout, "demo/hello/app:v1").returncode == 0
    held = {"authorization": f"Bearer {token_for(forge)}"}
    tags = f"{forge.at.url}/v2/demo/hello/app/tags/list"
    assert httpx2.get(tags, headers=held).json() == {"name": "demo/hello/app", "tags": ["v1"]}
    forge.directory.block("alice")
    refused = httpx2.get(tags, headers=held)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "DENIED")
    assert skopeo.login("alice", forge.made.password).returncode != 0
    forge.directory.unblock("alice")
    forge.guard.ban("user:alice")
    assert httpx2.get(tags, headers=held).status_code == 403


def test_who_has_no_token_is_sent_to_the_service_at_the_address_they_came_by(forge: Forge) -> None:
    answer = httpx2.get(f"{forge.at.url}/v2/", headers={"host": "images.example.org:5000"})
    assert answer.status_code == 401
    assert 'realm="http://images.example.org:5000/jwt/auth"' in answer.headers["www-authenticate"]
    assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"


def test_a_token_of_another_key_opens_nothing(forge: Forge, tmp_path: Path) -> None:
    forged = Signer.kept(tmp_path / "other.pem").sign("alice", [Access("repository", "demo/hello", ("pull",))], 2e9)
    answer = httpx2.get(f"{forge.at.url}/v2/", headers={"authorization": f"Bearer {forged}"})
    assert answer.status_code == 401


def test_nobody_gets_a_token_that_opens_nothing(forge: Forge) -> None:
    answer = httpx2.get(f"{forge.at.url}/jwt/auth", params={"scope": "repository:demo/hello:pull"})
    claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["access"]) == ("", [])


def test_scopes_are_read_once_each_and_granted_as_far_as_allowed() -> None:
    asked = wanted(["repository:a/b:pull,push repository:a/b:pull,push", "registry:catalog:*", "repository:h:5/c:pull"])
    assert asked == [
        Access("repository", "a/b", ("pull", "push")),
        Access("repository", "h:5/c", ("pull",)),
    ]
    assert granted(asked[0], {"read"}).actions == ("pull",)
    assert granted(asked[0], set()).actions == ()


def test_the_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    token = Signer.kept(file).sign("alice", [], 4e9)
    assert file.stat().st_mode & 0o777 == 0o600
    assert Signer.kept(file).certificate == Signer.kept(file).certificate
    assert Signer.kept(file).holder(token) is None, "it is not valid yet"
    assert list(tmp_path.iterdir()) == [file]


def test_the_registry_ends_with_a_server_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from stockade.gateway import registry_process\n"
        "with registry_process.running(Path(sys.argv[1])) as registry:\n"
        "    print(registry.url, flush=True); time.sleep(60)\n"
    )
    argv = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().rpartition(":")[2])
        assert accepts(port)
        server.kill()
    wait_until(lambda: not accepts(port), "the registry to end")
