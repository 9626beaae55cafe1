"""A small forge behind the guard, as ``stockade serve`` starts it, with rules that a test can reach quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from stockade.directory import BuiltinDirectory, Passwords
from stockade.directory.sealing import Sealing
from stockade.directory.seed import Demo
from stockade.gateway import registry_process
from stockade.gateway.app import build
from stockade.gateway.demo import prepare
from stockade.gateway.identity import identify
from stockade.gateway.outbox import outbox
from stockade.gateway.site import Site
from stockade.guard.conditions import credentials, login, method, path, status
from stockade.guard.gate import Guard
from stockade.guard.rules import Allow2Ban, Rule, Throttle
from tests.gateway.git_client import GitClient
from tests.gateway.running import Running, serving

PROVING = path("/**/info/refs", "/**/git-upload-pack", "/**/git-receive-pack", "/jwt/auth")
FAILURE = PROVING & status(401) & credentials() & ~login("gitlab-ci-token")
SUCCESS = PROVING & status("2xx") & credentials()
MAXRETRY = 5


def rules() -> list[Rule]:
    """Failures of Git and the registry counted together, and posts to protected paths."""
    return [
        Allow2Ban("Git and registry", when=FAILURE, reset=SUCCESS, maxretry=MAXRETRY, findtime=180, bantime=3600),
        Throttle(
            "protected paths", when=method("POST") & path("/users/sign_in", "/users/password"), limit=10, period=60
        ),
    ]


def quick_passwords() -> Passwords:
    """argon2id as cheap as it can be: these tests are about everything around it."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass(frozen=True)
class Forge:
    """The running gateway, what it serves, and who may use it."""

    at: Running
    guard: Guard
    directory: BuiltinDirectory
    made: Demo
    state: Path

    @property
    def alice(self) -> str:
        return self.at.with_credentials("alice", self.made.password)

    @property
    def mallory(self) -> str:
        return self.at.with_credentials("alice", "guessed")

    @property
    def repository(self) -> str:
        return "demo/hello.git"


StartForge = Callable[..., Forge]


@contextmanager
def starting(base: Path) -> Iterator[StartForge]:
    """Start forges below a directory, and stop them all at the end."""
    with ExitStack() as stack:

        def start(*, registry: bool = False, **settings: object) -> Forge:
            state = base / "state"
            state.mkdir()
            directory = stack.enter_context(
                BuiltinDirectory(
                    f"sqlite:///{state}/directory.db", passwords=quick_passwords(), sealing=Sealing(bytes(32))
                )
            )
            directory.migrate()
            demo = prepare(state, directory)
            assert demo.made is not None
            guard = Guard(*rules(), identify=identify)
            images = stack.enter_context(registry_process.running(state)) if registry else None
            site = Site(guard, directory, demo.repositories, images, deliver=outbox(state / "outbox"))
            at = stack.enter_context(serving(build(replace(site, **settings))))  # type: ignore[arg-type]
            return Forge(at, guard, directory, demo.made, state)

        yield start


@pytest.fixture
def start_forge(tmp_path: Path) -> Iterator[StartForge]:
    """Start a forge; ``registry=True`` with a container registry, other settings as of a Site."""
    with starting(tmp_path) as start:
        yield start


@pytest.fixture
def forge(start_forge: StartForge) -> Forge:
    """A forge without a registry."""
    return start_forge()


@pytest.fixture
def git(tmp_path: Path) -> GitClient:
    """Git with a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return GitClient(home)
