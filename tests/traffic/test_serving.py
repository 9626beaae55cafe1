"""The whole way: what programs write is taken in by the running service, is found, is an event, and an incident."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime

from stockade.audit.reading import entries
from stockade.events import Entry
from tests.cli.terminal import Terminal, terminal
from tests.cli.test_serve import served
from tests.servers.front import StartFrontServer
from tests.servers.nginx import nginx
from tests.servers.processes import wait_until
from tests.traffic.planting import Beacon, written
from tests.traffic.test_signals import CHANCE

__all__ = ["nginx", "terminal"]

SITE = "server { listen 127.0.0.1:$PORT; location / { return 404; } }"


def test_logs_that_are_taken_in_become_findings_and_an_incident(terminal: Terminal, nginx: StartFrontServer) -> None:
    front, now = nginx(SITE), time.time()
    zeek = written(terminal.directory / "conn.log", Beacon(300, 0.1).records("203.0.113.9", now - 20_000, now, CHANCE))
    firewall = terminal.directory / "kern.log"
    firewall.write_text("".join(_dropped(port, now) for port in range(2_000, 2_030)))
    text = f"""
[[intake]]
name = "front"
kind = "file"
path = "{front.directory}/access.log"
format = "access"
[traffic]
files = ["{zeek}", "{firewall}"]
own = ["10.0.0.0/8", "127.0.0.0/8"]
every = 2
"""
    with served(terminal, text=text):
        for number in range(70):
            with suppress(urllib.error.HTTPError):
                urllib.request.urlopen(f"{front.url}/backup{number}.zip", timeout=30)
        wait_until(lambda: len(_found(terminal)) >= 3, "three findings", seconds=120)
        by_rule = {(str(each.event.details["rule"]), str(each.event.target)): each for each in _found(terminal)}
        assert set(by_rule) == {
            ("host.traffic-beacon", "network:conversation/10.0.1.6>203.0.113.9:443/tcp"),
            ("host.traffic-scan", "network:scan/10.0.0.7>203.0.113.5"),
            ("host.traffic-scan", "network:scan/127.0.0.1>here"),
        }
        beacon = next(each for (rule, _), each in by_rule.items() if rule == "host.traffic-beacon")
        opened = terminal(f"incident open --finding {beacon.index} --json")
    assert opened.code == 0, opened.err
    assert "203.0.113.9:443" in json.dumps(opened.json)


def _found(terminal: Terminal) -> list[Entry]:
    log = terminal.directory / "state" / "audit"
    return [each for each in entries(log, 0) if each.event.action == "finding.create"]


def _dropped(port: int, now: float) -> str:
    stamp = f"{datetime.fromtimestamp(now - 60, UTC):%b %d %H:%M:%S}"
    return (
        f"{stamp} web kernel: [ 12.5] stockade drop: IN= OUT=eth0 SRC=10.0.0.7 DST=203.0.113.5 LEN=60 "
        f"PROTO=TCP SPT=40000 DPT={port} WINDOW=1 SYN URGP=0\n"
    )
