"""Whether the way to an address leads through a tunnel, whose own packets go somewhere else."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from stockade.host.restrict.named import Address

DEVICES: Final = Path("/sys/class/net")
TUNNELS: Final = frozenset({"65534", "768", "769", "776", "778", "823"})
"""What Linux calls tun, WireGuard, IP in IP, SIT and GRE in a device's ``type`` (ARPHRD_* of linux/if_arp.h)."""


def tunnel_to(address: Address) -> str:
    """The device of the tunnel; empty when there is none, or it cannot be told."""
    with suppress(OSError, ValueError, LookupError, subprocess.SubprocessError):
        asked = ["ip", "-j", "route", "get", str(address)]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True).stdout
        device = str(json.loads(said)[0]["dev"])
        return device if (DEVICES / device / "type").read_text().strip() in TUNNELS else ""
    return ""
