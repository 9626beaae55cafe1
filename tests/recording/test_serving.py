"""A running server with two workers, real Git, an operator at the command line, and what the log says afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from stockade.app.operator import login
from stockade.audit.letters import recorder_at
from stockade.audit.reading import entries
from stockade.events import Entry
from stockade.securitylog import read_back
from tests.cli.conftest import terminal
from tests.cli.terminal import Terminal
from tests.cli.test_serve import GUESSES, Forge, served
from tests.servers.processes import wait_until

__all__ = ["terminal"]
ME = f"unix:user/{login()}"


@dataclass(frozen=True)
class Log:
    """The audit log of a server, and the key that somebody has kept elsewhere."""

    terminal: Terminal

    @property
    def state(self) -> Path:
        return self.terminal.directory / "state"

    @property
    def recorder(self) -> int:
        return recorder_at(self.state / "recorder")

    def keep_key(self) -> None:
        (self.terminal.directory / "kept.pub").write_bytes((self.state / "audit-signer" / "key.pub").read_bytes())

    def entries(self, action: str = "") -> list[Entry]:
        return [entry for entry in entries(self.state / "audit", 0) if entry.event.action.startswith(action)]

    def said(self, action: str) -> list[tuple[str, str, str]]:
        """Who did this to what, and how it ended."""
        return [
            (str(event.actor or ""), str(event.target or ""), event.outcome)
            for event in (entry.event for entry in self.entries(action))
        ]

    def waits_for(self, action: str, count: int = 1) -> None:
        wait_until(lambda: len(self.entries(action)) >= count, f"{count} {action}")

    def verified(self) -> dict[str, object]:
        """What is found with nothing but the files and the key."""
        said = self.terminal.run("audit", "verify", "state/audit", "--key", "kept.pub", "--json")
        assert said.code == 0, said.err
        found: dict[str, object] = said.json
        return found


@pytest.fixture
def log(terminal: Terminal) -> Log:
    return Log(terminal)


@contextmanager
def serving(log: Log, text: str = "") -> Iterator[Forge]:
    with served(log.terminal, "--workers", "2", text=text) as forge:
        if not (log.terminal.directory / "kept.pub").exists():
            log.keep_key()
        yield forge


def test_everything_that_happens_is_in_one_log(log: Log) -> None:
    with serving(log) as forge:
        assert "A new audit log." in forge.banner
        assert "verifies it: keep a copy of that file elsewhere" in " ".join(forge.banner.split())
        assert forge.clone(forge.password, "work").returncode == 0
        for _ in range(GUESSES + 1):
            forge.guess()
        assert log.terminal("unban 127.0.0.1").code == 0
        assert log.terminal.run("user", "add", "bob", given="correct horse battery\n").code == 0
        assert log.terminal("user block bob --reason left").code == 0
        assert log.terminal("token issue alice ci --scope read_repository").code == 0
        assert log.terminal("token revoke 2").code == 0
        assert log.terminal("ban 203.0.113.9 --reason scraping").code == 0
        log.waits_for("authentication.failure", GUESSES)
    assert log.said("user.create") == [(ME, f"stockade:user/{name}", "success") for name in ("alice", "ci-bot", "bob")]
    assert log.said("user.block") == [(ME, "stockade:user/bob", "success")]
    assert [outcome for _, _, outcome in log.said("token.")] == ["success"] * 3
    assert {entry.event.source for entry in log.entries("authentication.failure")} == {"127.0.0.1"}
    assert log.said("guard.unban") == [(ME, "guard:client/127.0.0.1", "success")]
    banned, by_hand = [entry.event for entry in log.entries("guard.ban") if entry.event.action == "guard.ban"]
    assert (banned.details["rule"], by_hand.details["rule"]) == ("git-and-registry", "manual")
    assert (str(by_hand.actor), by_hand.details["reason"]) == (ME, "scraping")
    assert log.said("repository.read") == [("stockade:user/alice", "stockade:project/demo/hello", "success")]
    assert log.said("configuration.read")[0][0] == ME
    assert log.entries()[-1].event.action == "log.closed"
    assert log.verified()["unsigned"] == 0
    written = b"".join(file.read_bytes() for file in (log.state / "audit").rglob("*") if file.is_file())
    assert forge.password.encode() not in written
    assert b"correct horse" not in written


def test_a_request_that_passes_without_a_name_records_nothing(log: Log) -> None:
    with serving(log) as forge:
        before = len(log.entries())
        assert {forge.status("/users/sign_in") for _ in range(20)} == {200}
        assert {forge.status("/-/nothing") for _ in range(20)} == {404}
        assert log.terminal("ban 203.0.113.9").code == 0
        assert len(log.entries()) == before + 1


def test_a_recorder_that_is_killed_is_replaced_and_the_workers_do_not_mind(log: Log) -> None:
    with serving(log) as forge:
        for round_ in range(3):
            process = log.recorder
            assert process
            os.kill(process, signal.SIGKILL)
            assert forge.guess() == 401, "nobody waits for the recorder"
            added = log.terminal(f"user add bot{round_} --bot")
            assert added.code == 0, added.err
            wait_until(lambda before=process: log.recorder not in {0, before}, "another recorder")  # type: ignore[misc]
        log.waits_for("authentication.failure", 3)
    assert len(log.said("user.create")) == 5
    assert log.verified()["unsigned"] == 0


def test_a_worker_that_is_killed_is_named_and_replaced(log: Log) -> None:
    with serving(log) as forge:
        for _ in range(4):
            forge.guess()
        log.waits_for("authentication.failure", 4)
        children = Path(f"/proc/{forge.process}/task/{forge.process}/children").read_text().split()
        workers = {int(child): Path(f"/proc/{child}/comm").read_text().strip() for child in children}
        for number in [number for number, name in workers.items() if name.startswith("worker")]:
            os.kill(number, signal.SIGKILL)
        log.waits_for("log.reporter.lost")
        wait_until(lambda: forge.guess() == 401, "another worker")
        log.waits_for("authentication.failure", 5)
    assert {target for _, target, _ in log.said("log.reporter.lost")} <= {
        "stockade:process/worker 0",
        "stockade:process/worker 1",
    }
    assert log.verified()["unsigned"] == 0


def test_a_changed_configuration_is_on_record_before_it_holds(log: Log) -> None:
    rule = '[[blocklist]]\nname = "closed"\nwhen = { path = "/closed" }\n'
    with serving(log) as forge:
        log.terminal.write(f'listen = "127.0.0.1:{forge.port}"\n{rule}')
        wait_until(lambda: forge.status("/closed") == 403, "the new rule")
        log.waits_for("configuration.change", 2)
        log.terminal.write(f'listen = "127.0.0.1:{forge.port}"\n{rule.replace("path", "pth")}')
        log.waits_for("configuration.refused", 2)
    changed = [entry.event.details["settings"] for entry in log.entries("configuration.change")]
    assert ["blocklist" in map(str, names) for names in changed if isinstance(names, list)] == [True, True]


def test_a_command_opens_the_log_itself_when_no_server_has(log: Log) -> None:
    with serving(log):
        pass
    assert log.recorder == 0
    assert log.terminal("user add carol --bot").code == 0
    assert log.terminal("ban 203.0.113.9").code == 0
    assert log.said("user.create")[-1] == (ME, "stockade:user/carol", "success")
    assert log.said("guard.ban")[-1] == (ME, "guard:client/203.0.113.9", "success")
    assert log.verified()["unsigned"] == 0


def test_commands_that_are_given_together_wait_for_one_another(log: Log) -> None:
    assert "a new audit log" in log.terminal("user add first --bot").err
    log.keep_key()
    running = [log.terminal.start("user", "add", f"bot{number}", "--bot") for number in range(4)]
    for process in running:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, out
    assert len(log.said("user.create")) == 5
    assert log.verified()["unsigned"] == 0


def test_a_ban_makes_no_log_where_nobody_has_asked_for_one(log: Log) -> None:
    assert log.terminal("ban 203.0.113.9").err == ""
    assert not (log.state / "audit").exists()


def test_without_an_audit_log_nothing_is_kept_and_a_check_says_so(log: Log) -> None:
    off = "[audit]\nenabled = false\n"
    with served(log.terminal, text=off) as forge:
        assert "audit log" not in forge.banner
        assert forge.guess() == 401
        assert log.terminal("user block alice").code == 0
        assert "what happens can be denied" in log.terminal("check").out
    assert not (log.state / "audit").exists()


def test_reading_the_log_is_in_the_log(log: Log) -> None:
    with serving(log):
        log.waits_for("configuration.read")
        wait_until(lambda: log.terminal("audit prove 1").code == 0, "entry 1 being signed")
        assert log.terminal("audit prove state/audit 1").code == 0, "where it lies is another's business"
    reading = [entry.event for entry in log.entries("log.read")]
    assert [(str(event.actor), event.details) for event in reading] == [(ME, {"from": 1, "to": 1, "why": "prove"})]


def test_commands_find_the_log_through_the_configuration(log: Log) -> None:
    with serving(log):
        found = log.terminal.run("audit", "verify", "--json")
        assert found.code == 0, found.err
        assert any("whose log it is" in doubt for doubt in found.json["unchecked"])
        assert "/stockade" in log.terminal("audit head").out
        process = log.recorder
        assert f"process {process} keeps it" in log.terminal("check").out
    assert "no server keeps it now" in log.terminal("check").out


def test_an_old_state_of_the_log_is_neither_written_nor_hidden_and_the_guard_goes_on(log: Log) -> None:
    with serving(log):
        pass
    subprocess.run(["cp", "-a", "audit", "older"], cwd=log.state, check=True)
    assert log.terminal("user add carol --bot").code == 0
    subprocess.run(["rm", "-r", "audit"], cwd=log.state, check=True)
    subprocess.run(["mv", "older", "audit"], cwd=log.state, check=True)
    refused = log.terminal("user add dave --bot")
    assert refused.code == 5
    assert "dave" not in log.terminal("accounts").out
    checked = log.terminal("check")
    assert checked.code == 1
    assert "its signer remembers" in checked.out
    quick = '[audit]\ndeadline = "1s"\n'
    with served(log.terminal, "--workers", "2", text=quick) as forge:
        assert forge.guess() == 401
        assert log.terminal("user block alice").code != 0
        assert forge.status("/users/sign_in") == 200


def test_the_security_log_goes_on_beside_it(log: Log) -> None:
    with serving(log) as forge:
        for _ in range(GUESSES):
            forge.guess()
        assert log.terminal("unban 127.0.0.1").code == 0
    actions = {entry["action"] for entry in read_back(log.state / "security.log")}
    assert {"guard.ban", "guard.unban", "authentication.failure", "user.create"} <= actions
