"""Hosts in one machine: network namespaces that a test makes and takes away."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

SERVER = """
import socket, sys
listening = socket.create_server(("::", 9000), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
held = []
while True:
    connection, _ = listening.accept()
    connection.sendall(b"hello")
    held.append(connection)
"""
ECHO = """
import socket, sys
listening = socket.create_server(("0.0.0.0", 9001))
print("ready", flush=True)
connection, _ = listening.accept()
while data := connection.recv(100):
    connection.sendall(data)
"""

KNOCK = """
import socket, sys, time
address, source, within = sys.argv[1:]
end = time.monotonic() + float(within)
while (left := end - time.monotonic()) > 0:
    try:
        knock = socket.create_connection((address, 9000), left, (source, 0) if source else None)
    except OSError:  # a neighbour that is found late
        time.sleep(0.05)
        continue
    knock.settimeout(60)
    sys.exit(not knock.recv(5))
sys.exit(1)
"""
PATIENCE = 60.0
"""Seconds in which what is let through comes, on a machine however busy."""
CUT = 1.0
"""Seconds after which what was not let through counts as cut."""


@dataclass(frozen=True)
class Net:
    """A server and a client host, joined by a wire with both families on it."""

    server: str
    client: str

    def run(self, host: str, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["ip", "netns", "exec", host, *argv], capture_output=True, text=True, check=True)

    def reaches(self, address: str, source: str = "", *, within: float = PATIENCE) -> bool:
        """Can the client host open a connection to the server from this source address?"""
        argv = ["ip", "netns", "exec", self.client, "python3", "-c", KNOCK, address, source, str(within)]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def cut(self, address: str, source: str = "") -> bool:
        """Does nothing answer the client host?"""
        return not self.reaches(address, source, within=CUT)

    @property
    def nft(self) -> tuple[str, ...]:
        """The nft of the server host."""
        return ("ip", "netns", "exec", self.server, "nft")

    @contextmanager
    def serving(self, program: str) -> Iterator[None]:
        argv = ["ip", "netns", "exec", self.server, "python3", "-c", program]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                assert server.stdout.readline() == "ready\n"
                yield
            finally:
                server.kill()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def net() -> Iterator[Net]:
    """Two hosts: the server is 10.231.0.1 and fd00:231::1, the client .2 and ::2, with fd00:231:0:1::2 as well."""
    tag = f"{os.getpid() % 100_000:x}{secrets.token_hex(2)}"
    server, client = f"sks{tag}", f"skc{tag}"
    with ExitStack() as stack:
        for name in (server, client):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("link", "add", "wire", "netns", server, "type", "veth", "peer", "name", "wire", "netns", client)
        for name, host in ((server, "1"), (client, "2")):
            _ip("-n", name, "addr", "add", f"10.231.0.{host}/24", "dev", "wire")
            _ip("-n", name, "addr", "add", f"fd00:231::{host}/48", "dev", "wire", "nodad")
            _ip("-n", name, "link", "set", "wire", "up")
        _ip("-n", client, "addr", "add", "fd00:231:0:1::2/48", "dev", "wire", "nodad")
        _ip("-n", client, "addr", "add", "10.231.0.3/24", "dev", "wire")
        yield Net(server, client)
