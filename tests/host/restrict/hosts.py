"""A machine with a service, a container and an sshd, and hosts around it: network namespaces that a test takes away."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.servers.processes import program, short_directory, wait_until

ECHO = """
import socketserver, socket, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(100):
            self.request.sendall(data)
class Server(socketserver.ThreadingTCPServer):
    address_family, allow_reuse_address, daemon_threads = socket.AF_INET6, True, True
Server(("::", int(sys.argv[1])), Echo).serve_forever()
"""
RESOLVER = """
import socket
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.bind(("0.0.0.0", 53))
while True:
    asked.sendto(*asked.recvfrom(500))
"""
TALK = """
import socket, sys, time
talk = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
print("ready", flush=True)
heard = ""
for line in sys.stdin:
    word, seconds = line.split()
    end, talk_end = time.monotonic() + float(seconds), False
    talk.sendall(word.encode())
    while word not in heard and time.monotonic() < end:
        talk.settimeout(max(0.01, end - time.monotonic()))
        try:
            heard += talk.recv(100).decode()
        except TimeoutError:
            pass
    print("yes" if word in heard else "no", flush=True)
"""
SSHD = """\
Port 2222
ListenAddress 0.0.0.0
ListenAddress ::
HostKey {0}/host
AuthorizedKeysFile {0}/me.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
"""
PEERS = {"operator": 1, "evil": 2, "friend": 3, "sink": 4, "box": 5}
SERVING = {"machine": 9000, "evil": 4444, "friend": 5000, "sink": 8443, "box": 80}
STOCKADE = Path(sys.executable).with_name("stockade")
PATIENCE = 60.0
"""Seconds in which what is let through comes, on a machine however busy."""
CUT = 0.5
"""Seconds after which what was not let through counts as cut."""


def four(host: str, side: int = 2) -> str:
    """The address of a host, or (1) of the machine on the wire to it."""
    return f"10.232.{PEERS[host]}.{side}"


def six(host: str, side: int = 2) -> str:
    return f"fd00:232:{PEERS[host]}::{side}"


@dataclass(frozen=True)
class Hosts:
    """``machine`` in the middle, and a wire from it to each of the others, with both families on it."""

    tag: str
    directory: Path

    def named(self, host: str) -> str:
        return f"{host}{self.tag}"

    def inside(self, host: str, *argv: str) -> list[str]:
        return ["ip", "netns", "exec", self.named(host), *argv]

    def run(self, host: str, *argv: str, given: str = "") -> str:
        done = subprocess.run(self.inside(host, *argv), capture_output=True, text=True, check=True, input=given)
        return done.stdout

    def reaches(self, host: str, address: str, port: int, within: float = PATIENCE) -> bool:
        """Can a host open a connection?"""
        knock = ["timeout", f"{within}", "bash", "-c", f"</dev/tcp/{address}/{port}"]
        return subprocess.run(self.inside(host, *knock), capture_output=True, check=False).returncode == 0

    def cut(self, host: str, address: str, port: int) -> bool:
        """Does nothing answer a host?"""
        return not self.reaches(host, address, port, CUT)

    @property
    def nft(self) -> tuple[str, ...]:
        return tuple(self.inside("machine", "nft"))

    def ruleset(self) -> str:
        """All that is in the machine's packet filter."""
        return self.run("machine", "nft", "-s", "list", "ruleset")

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | {"STOCKADE_STATE": str(self.directory / "state"), "COLUMNS": "100", "LC_ALL": "C.UTF-8"}

    def console(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``stockade host …`` at the machine's console."""
        argv = self.inside("machine", str(STOCKADE), "host", *words)
        return subprocess.run(
            argv,
            capture_output=True,
            text=True,
            check=False,
            env=self.environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
        )

    @contextmanager
    def talking(self, host: str, address: str, port: int) -> Iterator[Talk]:
        """A connection from a host that stays open."""
        argv = self.inside(host, "python3", "-I", "-S", "-c", TALK, address, str(port))
        with subprocess.Popen(argv, stdin=-1, stdout=-1, stderr=-1, text=True, bufsize=1) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield Talk(process)
            finally:
                process.kill()

    @contextmanager
    def signed_in(self) -> Iterator[Shell]:
        """The operator's shell on the machine, over SSH."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes"]
        words = [word for option in options for word in ("-o", option)]
        argv = [program("ssh", "openssh-client"), "-F", "none", *words, "-i", f"{self.directory}/me", "-p", "2222"]
        argv = self.inside("operator", *argv, f"root@{four('operator', 1)}", "bash")
        with subprocess.Popen(argv, stdin=-1, stdout=-1, stderr=subprocess.STDOUT, text=True, bufsize=1) as process:
            shell = Shell(process)
            try:
                shell.type(
                    f"cd {self.directory}; export STOCKADE_STATE={self.directory}/state COLUMNS=100 LC_ALL=C.UTF-8"
                )
                yield shell
            finally:
                process.kill()


@dataclass(frozen=True)
class Talk:
    """An open connection to an echo."""

    process: subprocess.Popen[str]

    def goes_on(self) -> bool:
        """Does what is said now come back? TCP waits longer each time before it tries again."""
        return self._comes_back(PATIENCE)

    def cut(self) -> bool:
        """Does nothing come back?"""
        return not self._comes_back(CUT)

    def _comes_back(self, seconds: float) -> bool:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{secrets.token_hex(4)} {seconds}\n")
        return self.process.stdout.readline() == "yes\n"


@dataclass(frozen=True)
class Shell:
    """A shell in which commands are typed."""

    process: subprocess.Popen[str]

    def type(self, line: str) -> tuple[int, str]:
        """The exit code and all that is printed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{{ {line}\n}} 2>&1; echo END $?\n")
        said: list[str] = []
        for each in self.process.stdout:
            if each.startswith("END "):
                return int(each.split()[1]), "".join(said)
            said.append(each)
        raise AssertionError(f"the session ended: {''.join(said)}")

    def stockade(self, line: str) -> tuple[int, str]:
        """``stockade host …``"""
        return self.type(f"{STOCKADE} host {line}")

    @property
    def alive(self) -> bool:
        return self.type("echo still here") == (0, "still here\n")


@contextmanager
def made() -> Iterator[Hosts]:
    """All of them, with an echo on each but the operator's, and an sshd on the machine."""
    with ExitStack() as stack:
        hosts = Hosts(f"{os.getpid() % 100_000:x}{secrets.token_hex(2)}", stack.enter_context(short_directory()))
        for host in ("machine", *PEERS):
            _ip("netns", "add", hosts.named(host))
            stack.callback(_ip, "netns", "del", hosts.named(host))
            _ip("-n", hosts.named(host), "link", "set", "lo", "up")
        stack.enter_context(_resolving(hosts))
        for host in PEERS:
            _wire(hosts, host)
        for switch in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            hosts.run("machine", "tee", f"/proc/sys/net/{switch}", given="1")
        for host, port in SERVING.items():
            _started(stack, hosts.inside(host, "python3", "-I", "-S", "-c", ECHO, str(port)))
        _started(stack, hosts.inside("sink", "python3", "-I", "-S", "-c", RESOLVER))
        _sshd(stack, hosts)
        for host, port in SERVING.items():
            wait_until(lambda host=host, port=port: hosts.reaches(host, "127.0.0.1", port), f"the echo of {host}")  # type: ignore[misc]
        wait_until(lambda: hosts.reaches("operator", four("operator", 1), 2222), "sshd")
        yield hosts


class Terminal:
    """A command of the machine on a terminal of its own, as over a console."""

    def __init__(self, hosts: Hosts, *words: str) -> None:
        self._ours, theirs = os.openpty()
        argv = hosts.inside("machine", str(STOCKADE), "host", *words)
        self.process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=hosts.environment, cwd=hosts.directory
        )
        os.close(theirs)
        self.said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def read_until(self, words: str) -> None:
        end = time.monotonic() + 60
        while words not in self.said and time.monotonic() < end:
            with suppress(OSError):
                self.said += os.read(self._ours, 4096).decode(errors="replace")
        assert words in self.said, self.said

    def type(self, line: str) -> None:
        os.write(self._ours, f"{line}\n".encode())


@contextmanager
def _resolving(hosts: Hosts) -> Iterator[None]:
    """The machine's own resolv.conf, as ip-netns(8) has it."""
    own = Path("/etc/netns") / hosts.named("machine")
    own.mkdir(parents=True)
    try:
        (own / "resolv.conf").write_text(f"nameserver {four('sink')}\n")
        yield
    finally:
        shutil.rmtree(own)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _wire(hosts: Hosts, host: str) -> None:
    machine, other = hosts.named("machine"), hosts.named(host)
    _ip("link", "add", host, "netns", machine, "type", "veth", "peer", "name", "wire", "netns", other)
    inside = host
    if host == "box":  # a container, on a bridge of the machine
        inside = "docker0"
        _ip("-n", machine, "link", "add", inside, "type", "bridge")
        _ip("-n", machine, "link", "set", host, "master", inside, "up")
    for name, device, side in ((machine, inside, 1), (other, "wire", 2)):
        _ip("-n", name, "addr", "add", f"{four(host, side)}/24", "dev", device)
        _ip("-n", name, "addr", "add", f"{six(host, side)}/64", "dev", device, "nodad")
        _ip("-n", name, "link", "set", device, "up")
    _ip("-n", other, "route", "add", "default", "via", four(host, 1))
    _ip("-n", other, "-6", "route", "add", "default", "via", six(host, 1))


def _sshd(stack: ExitStack, hosts: Hosts) -> None:
    for name in ("host", "me"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{hosts.directory}/{name}"]
        subprocess.run(argv, check=True, capture_output=True)
    (hosts.directory / "sshd").write_text(SSHD.format(hosts.directory))
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    _started(stack, hosts.inside("machine", program("sshd", "openssh-server"), "-D", "-f", f"{hosts.directory}/sshd"))


def _started(stack: ExitStack, argv: list[str]) -> None:
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
