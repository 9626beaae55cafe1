"""The time zone of whoever reads, with its summers and winters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

LOCAL: Final = Path("/etc/localtime")


def local(environ: Mapping[str, str] = os.environ, file: Path = LOCAL) -> tzinfo:
    """The zone that ``TZ`` names, else the machine's, else UTC."""
    with suppress(OSError, ValueError, KeyError):
        if name := environ.get("TZ", "").removeprefix(":"):
            return ZoneInfo(name)
        with file.open("rb") as opened:
            return ZoneInfo.from_file(opened)
    return UTC
