"""The log's disk is full: no account changes, every request is served, and afterwards the log says what it missed."""

from __future__ import annotations

import subprocess

from stockade.audit.reading import entries
from tests.cli.conftest import terminal
from tests.cli.terminal import PROGRAM, Terminal
from tests.servers.processes import free_port, program

__all__ = ["terminal"]

STORY = """
mount -t tmpfs -o size=1m tmpfs audit
stockade serve >serve.out 2>&1 &
until grep -q Ctrl-C serve.out; do sleep 0.1; done
guess() { git ls-remote http://alice:wrong@127.0.0.1:PORT/demo/hello.git 2>&1 | grep -c 'Authentication failed'; }
guess
dd if=/dev/zero of=audit/filler bs=4k 2>/dev/null
stockade user block alice --reason $(printf %05000d 0); echo "code $?"
for _ in 1 2 3; do guess; done
echo "blocked $(stockade accounts --json | grep -c '"blocked"')"
rm audit/filler
until stockade user block alice; do sleep 0.2; done
kill %1; wait
cp -r audit copy
"""


def test_what_cannot_be_recorded_is_not_done_and_everything_else_goes_on(terminal: Terminal) -> None:
    port = free_port()
    terminal.write(f'listen = "127.0.0.1:{port}"\nworkers = 2\n[audit]\nlog = "audit"\ndeadline = "2s"\n')
    (terminal.directory / "audit").mkdir()
    program("mount", "mount")
    environment = terminal.environment
    environment["PATH"] = f"{PROGRAM.parent}:{environment['PATH']}"
    environment |= {"HOME": str(terminal.directory), "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "bash", "-c", STORY.replace("PORT", str(port))],
        cwd=terminal.directory, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    said = done.stdout.splitlines()
    assert [line for line in said if line.startswith(("code", "blocked")) or line.isdecimal()] == [
        *("1", "code 4", "1", "1", "1", "blocked 0"),
    ], done
    assert "cannot be written: No space left on device" in " ".join(done.stderr.split())
    events = [entry.event for entry in entries(terminal.directory / "copy", 0)]
    guesses = [event for event in events if event.action == "authentication.failure"]
    assert len(guesses) == 4, "what was only to be recorded was kept"
    assert sum(int(str(event.details["refused"])) for event in events if event.action == "log.gap") >= 1
    blocked = [(str(event.target), event.outcome) for event in events if event.action == "user.block"]
    assert blocked[-1] == ("stockade:user/alice", "success")
    assert blocked.count(blocked[-1]) == 1
    key = terminal.directory / "state" / "audit-signer" / "key.pub"
    verified = terminal.run("audit", "verify", "copy", "--key", str(key), "--json")
    assert verified.code == 0, verified.err
    assert any("log.gap" in remark for remark in verified.json["remarks"])
