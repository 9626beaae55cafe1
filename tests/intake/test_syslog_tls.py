"""Syslog over TLS, from a real rsyslog and from a client of our own: who may send, what is taken, and what is known."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.intake.conftest import Taking
from tests.servers.certificates import Certificates
from tests.servers.processes import free_port, program, running, wait_port, wait_until

FRAME = "<38>1 2026-11-22T02:00:00.123456Z web1 sshd 42 - - Accepted password for alice from 192.0.2.7 port 4000 ssh2"


@pytest.fixture
def port(taking: Taking, certificates: Certificates) -> int:
    port = free_port()
    taking.sources(f"""
        [[intake]]
        name = "hosts"
        kind = "syslog"
        host = "127.0.0.1"
        port = {port}
        certificate = "{certificates / "server.pem"}"
        key = "{certificates / "server.key"}"
        clients = "{certificates / "ca.pem"}"
        senders = ["client"]
        zone = "UTC"
        """)
    taking.start()
    wait_port(port)
    return port


def connected(port: int, certificates: Certificates, name: str | None) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    if name is not None:
        context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname="localhost")


def counted(*frames: str) -> bytes:
    return b"".join(b"%d %s" % (len(frame.encode()), frame.encode()) for frame in frames)


def test_messages_with_their_length_and_lines_are_taken(taking: Taking, port: int, certificates: Certificates) -> None:
    with connected(port, certificates, "client") as sender:
        octets = counted(FRAME, FRAME.replace("alice", "bob\nmallory"))
        sender.sendall(octets[:50])
        sender.sendall(octets[50:])
        sender.sendall(b"<38>Nov 22 02:00:01 web1 sshd[43]: Failed password for root from 192.0.2.8 port 4001 ssh2\n")
        events = taking.wait_for(lambda found: len(found) == 3, "three events")
    assert [(event.action, str(event.actor), event.source) for event in events] == [
        ("authentication.success", "host:user/alice", "192.0.2.7"),
        ("message", "None", None),  # a name with a newline in it is none that sshd writes
        ("authentication.failure", "host:user/root", "192.0.2.8"),
    ]
    assert {event.details["sender"] for event in events} == {"client"}
    assert str(events[0].target) == "host:machine/web1"


def test_a_message_that_is_sent_again_is_known_also_after_a_kill(
    taking: Taking, port: int, certificates: Certificates
) -> None:
    for attempt in range(2):
        with connected(port, certificates, "client") as sender:
            sender.sendall(counted(FRAME, FRAME.replace("alice", f"bob{attempt}")))
            taking.wait_for(lambda found, attempt=attempt: len(found) == 2 + attempt, "the new one")  # type: ignore[misc]
        if attempt == 0:
            taking.restart(signal.SIGKILL)
            wait_port(port)
    assert [str(event.actor) for event in taking.events] == ["host:user/alice", "host:user/bob0", "host:user/bob1"]


def test_it_ends_when_it_is_told_to_though_senders_stay(taking: Taking, port: int, certificates: Certificates) -> None:
    with connected(port, certificates, "client") as sender:
        sender.sendall(counted(FRAME))
        taking.wait_for(bool, "the message")
        assert taking.running is not None
        taking.running.terminate()
        assert taking.running.wait(60) == 0


@pytest.mark.parametrize("name", [None, "self", "rogue"])
def test_who_shows_no_certificate_or_another_is_not_heard(
    taking: Taking, port: int, certificates: Certificates, name: str | None
) -> None:
    with suppress(OSError, ssl.SSLError), connected(port, certificates, name) as sender:
        sender.sendall(counted(FRAME))
        assert sender.recv(1) == b"", "the connection is closed"
    with connected(port, certificates, "client") as sender:
        sender.sendall(counted(FRAME.replace("alice", "carol")))
        events = taking.wait_for(bool, "the one who may")
    assert [str(event.actor) for event in events] == ["host:user/carol"]


def test_a_sender_of_endless_messages_is_cut_off_and_others_are_heard(
    taking: Taking, port: int, certificates: Certificates
) -> None:
    with suppress(OSError, ssl.SSLError), connected(port, certificates, "client") as sender:
        sender.sendall(b"999999999 <38>1 ")
        assert sender.recv(1) == b""
    with connected(port, certificates, "client") as sender:
        sender.sendall(counted(FRAME))
        events = taking.wait_for(lambda found: len(found) == 2, "what came of it, and the next")
    assert [event.action for event in events] == ["unknown", "authentication.success"]


def test_rsyslog_sends_what_logger_writes(
    taking: Taking, port: int, certificates: Certificates, tmp_path: Path
) -> None:
    folder = tmp_path / "rsyslog"
    (folder / "spool").mkdir(parents=True)
    (folder / "r.conf").write_text(f"""
        global(workDirectory="{folder}/spool" defaultNetstreamDriver="gtls"
          defaultNetstreamDriverCAFile="{certificates / "ca.pem"}"
          defaultNetstreamDriverCertFile="{certificates / "client.pem"}"
          defaultNetstreamDriverKeyFile="{certificates / "client.key"}")
        module(load="imuxsock" sysSock.use="off")
        input(type="imuxsock" socket="{folder}/log")
        action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" TCP_Framing="octet-counted"
          template="RSYSLOG_SyslogProtocol23Format"
          StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="server")
        """)
    with running(program("rsyslogd", "rsyslog"), "-n", "-f", folder / "r.conf", "-i", folder / "pid"):
        wait_until((folder / "log").exists, "rsyslog's socket")
        said = [
            ("sshd", "Accepted publickey for alice from 192.0.2.7 port 4000 ssh2: ED25519 SHA256:abc"),
            ("sudo", "   alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id"),
            ("app", "token=verysecretvalue is wrong"),
        ]
        for tag, message in said:
            subprocess.run(["logger", "-u", folder / "log", "-t", tag, "--id=77", "--", message], check=True)
        events = taking.wait_for(lambda found: len(found) >= 3, "what logger has written")
    actions = [event.action for event in events if event.details["program"] in {"sshd", "sudo", "app"}]
    assert actions == ["authentication.success", "command.run", "message"]
    ran = next(event for event in events if event.action == "command.run")
    assert (str(ran.actor), str(ran.target)) == ("host:user/alice", "host:user/root")
    assert ran.details["command"] == "/usr/bin/id"
    assert "verysecretvalue" not in str(events)
