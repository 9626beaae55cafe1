"""Lines that real programs write: OpenSSH's server, sudo, nginx."""

from __future__ import annotations

import getpass
import os
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError

import pytest

from stockade.events import Event
from tests.intake.lines import reading
from tests.servers.nginx import start_nginx
from tests.servers.processes import program, running, short_directory, wait_until
from tests.servers.sshd import start_sshd

HEAD = "Nov 15 12:00:00 web1 sshd[7]: "


def told(said: list[str]) -> list[Event]:
    """What sshd says, as syslog would hand it on."""
    read = reading("syslog")
    return [taken.event for line in said for taken in read(HEAD + line)]


@pytest.mark.skipif(os.geteuid() != 0, reason="sshd lets only root sign in others")
def test_sshd_tells_of_keys_and_passwords_that_are_right_and_wrong() -> None:
    me = getpass.getuser()
    with start_sshd() as sshd:
        before = len(sshd.said)
        assert sshd.knock(me, "good") == 0
        wait_until(lambda: any("Accepted publickey" in line for line in sshd.said), "the sign-in")
        wait_until(lambda: any("Disconnected" in line for line in sshd.said), "its end")
        accepted = [event for event in told(sshd.said[before:]) if event.action == "authentication.success"]
        assert [(str(event.actor), event.source, event.details["method"]) for event in accepted] == [
            (f"host:user/{me}", "127.0.0.1", "publickey")
        ]
        assert "SHA256:" in str(accepted[0].details["key"])

        before = len(sshd.said)
        assert sshd.knock(me, "bad", "PreferredAuthentications=publickey") != 0
        wait_until(lambda: any("preauth" in line for line in sshd.said[before:]), "the refusal")
        refused = [event for event in told(sshd.said[before:]) if event.action == "authentication.failure"]
        assert [(str(event.actor), event.details.get("method")) for event in refused] == [
            (f"host:user/{me}", "publickey")
        ]

        before = len(sshd.said)
        assert sshd.guess("nobody-such from 198.51.100.7 port 22", "wrong") != 0
        wait_until(lambda: any("preauth" in line for line in sshd.said[before:]), "the end of the guesses")
        guessed = [event for event in told(sshd.said[before:]) if event.action == "authentication.failure"]
        assert {event.source for event in guessed} == {"127.0.0.1"}, "the address in the name is not believed"
        assert len(guessed) == 2, "two passwords, two failures, in however many lines"


@pytest.mark.skipif(os.geteuid() != 0, reason="a /dev and an /etc/sudoers of its own need root")
def test_sudo_tells_what_was_run_and_what_was_not() -> None:
    with short_directory() as directory:
        devices, rules, log = directory / "dev", directory / "sudoers", directory / "auth.log"
        devices.mkdir()
        for name in ("null", "zero", "random", "urandom", "tty"):
            subprocess.run(["cp", "-a", f"/dev/{name}", devices], check=True)
        rules.write_text("root ALL=(ALL) NOPASSWD: /usr/bin/id\n")
        rules.chmod(0o440)
        (directory / "r.conf").write_text(f"""
            module(load="imuxsock" sysSock.use="off")
            input(type="imuxsock" socket="{devices}/log")
            action(type="omfile" file="{log}" template="RSYSLOG_TraditionalFileFormat")
            """)
        with running(program("rsyslogd", "rsyslog"), "-n", "-f", directory / "r.conf", "-i", directory / "pid"):
            wait_until((devices / "log").exists, "rsyslog's socket")
            sudo = program("sudo", "sudo")
            script = f"mount --bind {devices} /dev; mount --bind {rules} /etc/sudoers; cd /tmp; "
            script += f"{sudo} -n -u nobody /usr/bin/id -u; {sudo} -n /usr/bin/touch /tmp/forbidden"
            subprocess.run(["unshare", "--mount", "sh", "-c", script], check=False, capture_output=True, timeout=30)
            wait_until(lambda: log.exists() and "touch" in log.read_text(), "what sudo has said")
            lines = log.read_text().splitlines()
    read = reading("syslog", now=time.time())
    events = [taken.event for line in lines for taken in read(line)]
    ran = [(e.outcome, str(e.actor), str(e.target), e.details["command"]) for e in events if e.action == "command.run"]
    assert ran == [
        ("success", "host:user/root", "host:user/nobody", "/usr/bin/id -u"),
        ("refused", "host:user/root", "host:user/root", "/usr/bin/touch /tmp/forbidden"),
    ]
    assert not Path("/tmp/forbidden").exists()


def test_nginx_combined() -> None:
    http = 'server { listen 127.0.0.1:$PORT; access_log $DIR/combined.log combined; location / { return 404 "no"; } }'
    with start_nginx(http) as nginx:
        headers = {"User-Agent": 'evil" 200 1 "x', "Authorization": "Basic YWxpY2U6cHc="}
        url = f"{nginx.url}/a%20b?access_token=abcdefgh&x=1"
        with suppress(HTTPError):
            urllib.request.urlopen(urllib.request.Request(url, headers=headers))
        log = nginx.directory / "combined.log"
        wait_until(lambda: log.exists() and log.stat().st_size > 0, "nginx's line")
        (taken,) = reading("access", now=4e9)(log.read_text().rstrip("\n"))
    found = taken.event
    assert (found.action, found.outcome, found.source) == ("http.request", "failure", "127.0.0.1")
    assert found.details["status"] == 404
    assert found.details["path"] == "/a%20b?access_token=[redacted]&x=1"
    assert found.details["user_agent"] == "evil\\x22 200 1 \\x22x"
    assert str(found.actor) == "web:user/alice"
