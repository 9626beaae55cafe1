"""Finds the networks that lie within the machine: bridges to which only its own containers and guests are wired."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

DEVICES: Final = Path("/sys/class/net")
_NAME: Final = re.compile(r"[A-Za-z0-9_.@:-]{1,15}")
"""Names that can be written as they are; the kernel allows nearly any (netdevice(7))."""


def inner(devices: Path = DEVICES) -> tuple[str, ...]:
    """Their names, such as ``docker0``: every port is one end of a veth, or a tap. A bridge that a network card is part
    of leads outside, and so may one with a VLAN, a bond, a VXLAN or the like.
    """
    with suppress(OSError):
        named = [each for each in sorted(devices.iterdir()) if _NAME.fullmatch(each.name)]
        return tuple(each.name for each in named if (each / "bridge").is_dir() and _closed(each, devices))
    return ()


def _closed(bridge: Path, devices: Path) -> bool:
    with suppress(OSError):  # a port that goes while it is looked at
        return all(_is_within(devices / port.name) for port in (bridge / "brif").iterdir())
    return False


def _is_within(port: Path) -> bool:
    """A card has a device behind it; what is made of other devices says its kind."""
    return not (port / "device").exists() and "DEVTYPE=" not in (port / "uevent").read_text()
