"""wrk: how many requests a second a server answers, always under the same load."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers.processes import program

SCRIPT: Final = Path(__file__).with_name("load.lua")
CONNECTIONS: Final = 32
THREADS: Final = 2


@dataclass(frozen=True)
class Load:
    """How many requests were answered, and in how many seconds."""

    requests: int
    seconds: float


def load(port: int, seconds: int) -> Load:
    """Load a server on loopback for some seconds. Raises RuntimeError when it refused a request or broke one off."""
    argv = [program("wrk", "wrk"), f"-c{CONNECTIONS}", f"-t{THREADS}", f"-d{seconds}s", "-s", str(SCRIPT)]
    ran = subprocess.run([*argv, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True)
    if "Non-2xx" in ran.stdout or "Socket errors" in ran.stdout:
        raise RuntimeError(f"not every request was answered:\n{ran.stdout}")
    found = re.search(r"(\d+) requests in ([\d.]+)s", ran.stdout)
    if found is None:
        raise RuntimeError(f"wrk said no figure:\n{ran.stdout}{ran.stderr}")
    return Load(int(found[1]), float(found[2]))
