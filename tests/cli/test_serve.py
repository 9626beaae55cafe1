"""The whole way of a newcomer: serve, clone, guess wrongly until the 403, ask why, lift it, clone again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stockade.securitylog import read_back
from tests.cli.terminal import PROGRAM, Terminal
from tests.servers.processes import free_port, program, wait_until
from tests.servers.redis import RedisServer

GUESSES = 10


@dataclass(frozen=True)
class Forge:
    """A running ``stockade serve``."""

    terminal: Terminal
    port: int
    banner: str
    process: int

    @property
    def password(self) -> str:
        found = re.search(r"^password +(\S+)", self.banner, re.MULTILINE)
        assert found, self.banner
        return found[1]

    def clone(self, password: str, into: str) -> subprocess.CompletedProcess[str]:
        """Clone with the real git."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.terminal.directory), "GIT_TERMINAL_PROMPT": "0"}
        url = f"http://alice:{password}@127.0.0.1:{self.port}/demo/hello.git"
        command = [program("git", "git"), "clone", "--quiet", url, str(self.terminal.directory / into)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def status(self, path: str = "/", **headers: str) -> int:
        """What a request is answered with."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def guess(self, password: str = "wrong", **headers: str) -> int:
        """What Git would be answered with for this password of alice."""
        basic = "Basic " + b64encode(f"alice:{password}".encode()).decode()
        return self.status("/demo/hello.git/info/refs?service=git-upload-pack", Authorization=basic, **headers)


@contextlib.contextmanager
def served(terminal: Terminal, *words: str, text: str = "", ends: signal.Signals = signal.SIGTERM) -> Iterator[Forge]:
    port = free_port()
    terminal.write(f'listen = "127.0.0.1:{port}"\n{text}')
    process = terminal.start("serve", *words)
    lines: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        yield Forge(terminal, port, "".join(lines), process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, ends)
        assert process.stdout is not None
        rest = process.stdout.read()
        process.stdout.close()
        process.wait(60)
    assert "Traceback" not in rest, rest
    assert process.returncode == 0, rest


def test_a_newcomer_guesses_wrongly_asks_why_and_lifts_the_ban(terminal: Terminal) -> None:
    with served(terminal, "--workers", "2") as forge:
        assert forge.clone(forge.password, "first").returncode == 0
        assert (terminal.directory / "first" / "README.md").exists()

        for _ in range(GUESSES):
            assert "Authentication failed" in forge.clone("wrong", "never").stderr
        assert "403" in forge.clone(forge.password, "banned").stderr

        explained = terminal("explain 127.0.0.1").out
        assert "127.0.0.1 is banned" in explained
        assert "git-and-registry" in explained
        assert "GET /demo/hello.git/info/refs 401" in explained
        assert "stockade unban 127.0.0.1" in explained
        assert [ban["rule"] for ban in terminal("bans --json").json] == ["git-and-registry"]
        assert "git-and-registry" in terminal("top --once").out

        assert "lifted 127.0.0.1" in terminal("unban 127.0.0.1").out
        assert forge.clone(forge.password, "again").returncode == 0
    log = terminal.directory / "state" / "security.log"
    assert "Rack_Attack" in log.read_text()
    assert "unban" in log.read_text()
    assert forge.password not in log.read_text()


def test_a_proxy_that_was_forgotten_is_never_banned_and_everybody_says_what_to_declare(terminal: Terminal) -> None:
    with served(terminal) as forge:
        guesses = [forge.guess(**{"X-Forwarded-For": "203.0.113.9"}) for _ in range(GUESSES + 2)]
        assert guesses == [401] * (GUESSES + 2)
        assert 'trusted_proxies = ["127.0.0.1"]' in terminal("explain 127.0.0.1").out
        said = terminal("check")
        assert said.code == 1
        assert 'trusted_proxies = ["127.0.0.1"]' in said.out
        assert "undeclared" in (terminal.directory / "state" / "security.log").read_text()


def test_deleting_one_key_of_redis_frees_a_client(terminal: Terminal, redis_server: RedisServer) -> None:
    with served(terminal, text=f'store = "{redis_server.url}"\nstore_deadline = "10s"\n') as forge:
        assert [forge.guess() for _ in range(GUESSES + 1)] == [401] * GUESSES + [403]
        assert "redis-cli DEL 'stockade:{127.0.0.1}'" in terminal("explain 127.0.0.1").out
        assert redis_server.command("DEL", "stockade:{127.0.0.1}") == 1
        wait_until(lambda: forge.guess(forge.password) == 200, "the ban being gone")


def test_a_blocked_user_is_refused_at_once_and_let_in_again(terminal: Terminal) -> None:
    with served(terminal) as forge:
        assert "blocked" in terminal("user block alice --reason left").out
        assert forge.clone(forge.password, "no").returncode != 0
        assert terminal("user unblock alice").code == 0
        assert forge.clone(forge.password, "yes").returncode == 0


def test_a_configuration_is_followed_without_a_restart_and_a_wrong_one_is_not(terminal: Terminal) -> None:
    rules = '[[blocklist]]\nname = "closed"\nwhen = {{ path = "{}" }}\n'
    with served(terminal, "--workers", "2", text=rules.format("/one")) as forge:
        listen = f'listen = "127.0.0.1:{forge.port}"\n'

        def settled(path: str, status: int) -> bool:
            return all(forge.status(path) == status for _ in range(12))  # both workers, in all likelihood

        def told(action: str) -> int:
            log = terminal.directory / "state" / "security.log"
            return sum(entry["action"] == f"configuration.{action}" for entry in read_back(log))

        assert settled("/one", 403)
        terminal.write(listen + rules.format("/two"))
        wait_until(lambda: told("change") == 2, "both workers saying that they follow")
        wait_until(lambda: settled("/two", 403) and settled("/one", 404), "the new rule in every worker")

        terminal.write(listen + rules.format("/three").replace("path", "pth"))
        wait_until(lambda: told("refused") == 2, "both workers saying that the file is wrong")
        assert settled("/two", 403)
        assert settled("/three", 404)
        said = terminal("check")
        assert said.code == 2
        assert 'unknown setting "pth"' in said.err

        terminal.write(listen + rules.format("/four"))
        wait_until(lambda: told("change") == 4 and settled("/four", 403), "the mended file in every worker")


def test_it_stands_in_front_of_any_service(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "behind").mkdir()
    behind = Terminal(tmp_path / "behind")
    rules = 'preset = "none"\n[[blocklist]]\nname = "closed"\nwhen = { path = "/closed" }\n'
    rules += '[security_txt]\ncontact = "mailto:security@example.org"\nexpires = 2099-01-01T00:00:00Z\n'
    with (
        served(behind) as service,
        served(terminal, "--upstream", f"http://127.0.0.1:{service.port}", text=rules) as front,
    ):
        assert front.status("/users/sign_in") == 200
        assert front.status("/closed") == 403
        assert front.status("/.well-known/security.txt") == 200


STORY = """
ip link set lo up
stockade serve >serve.out 2>&1 &
until stockade bans >bans.out && grep -q Ctrl-C serve.out; do sleep 0.1; done
held() { nft list set inet stockade addresses4 | grep -c 203.0.113.9; }
stockade ban 203.0.113.9
for _ in $(seq 100); do [ "$(held)" = 1 ] && break; sleep 0.1; done; held
stockade unban 203.0.113.9
for _ in $(seq 100); do [ "$(held)" = 0 ] && break; sleep 0.1; done; held
kill %1; wait
"""


def test_bans_are_carried_into_the_packet_filter_and_lifted_there(terminal: Terminal) -> None:
    program("nft", "nftables")
    terminal.write(f'listen = "127.0.0.1:{free_port()}"\nworkers = 2\n[nftables]\nenabled = true\n')
    environment = terminal.environment
    environment["PATH"] = f"{PROGRAM.parent}:{environment['PATH']}:/usr/sbin:/sbin"
    script = ["unshare", "--map-root-user", "--net", "bash", "-c", STORY]
    done = subprocess.run(script, cwd=terminal.directory, env=environment, capture_output=True, text=True, check=False)
    assert [line for line in done.stdout.splitlines() if line.isdecimal()] == ["1", "0"], done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_ends_quietly_and_takes_everything_it_started_with_it(
    terminal: Terminal, workers: str, number: signal.Signals
) -> None:
    with served(terminal, "--workers", workers, ends=number) as forge:
        pass
    with pytest.raises(OSError, match="refused"):
        forge.status()
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(terminal.directory) not in listed


def test_a_worker_that_dies_is_replaced(terminal: Terminal) -> None:
    with served(terminal, "--workers", "2") as forge:
        children = Path(f"/proc/{forge.process}/task/{forge.process}/children")

        def workers() -> set[int]:
            return {int(child) for child in children.read_text().split() if _name(int(child)).startswith("worker")}

        wait_until(lambda: len(workers()) == 2, "both workers")
        before = workers()
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len(workers() - before) == 1, "another worker")
        assert {forge.status("/users/sign_in") for _ in range(8)} == {200}


def _name(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text()
    return ""


def test_a_port_that_is_taken_is_said(terminal: Terminal) -> None:
    with served(terminal) as forge:
        said = terminal.run("serve", "--listen", f"127.0.0.1:{forge.port}")
    assert said.code == 2
    assert "cannot be listened on" in said.err


@pytest.mark.parametrize("words", [["--listen", "nowhere"], ["--upstream", "ftp://x"], ["--workers", "0"]])
def test_what_cannot_be_served_is_said(terminal: Terminal, words: list[str]) -> None:
    said = terminal.run("serve", *words)
    assert said.code == 2
    assert "Traceback" not in said.err


def test_a_hangup_begins_the_log_anew_and_ends_nothing(terminal: Terminal) -> None:
    log = terminal.directory / "state" / "security.log"
    with served(terminal, "--workers", "2") as forge:
        for _ in range(GUESSES):
            forge.guess()
        log.rename(log.with_name("security.log.yesterday"))
        os.kill(forge.process, signal.SIGHUP)
        wait_until(lambda: forge.guess() == 403 and terminal("unban 127.0.0.1").code == 0, "an answer")
        for _ in range(GUESSES + 1):
            forge.guess()
        wait_until(lambda: log.exists() and "guard.ban" in log.read_text(), "a new log")
