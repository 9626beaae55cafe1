"""Who gives a command: the person who logged in, whoever they have become since."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

NOBODY: Final = 0xFFFF_FFFF
LOGIN: Final = Path("/proc/self/loginuid")


def login(environ: Mapping[str, str] = os.environ, audited: Path = LOGIN) -> str:
    """The name of the Unix account that logged in.

    Linux remembers it through ``su`` and ``sudo`` (audit_setloginuid(3)); where it does not, sudo says to root who it
    was. ``$USER`` and ``$LOGNAME`` are what anybody likes, and are not asked.
    """
    with suppress(OSError, ValueError):
        uid = int(audited.read_text())
        if uid != NOBODY:
            return _name(uid)
    if os.getuid() == 0 and environ.get("SUDO_USER"):
        return environ["SUDO_USER"][:64]
    return _name(os.getuid())


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
