"""What may be called, as it is written: ``registry.example:443``, ``[2001:db8::1]:53/udp``, ``10.0.0.0/8:443``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, cast

from stockade.errors import ConfigurationError
from stockade.host.restrict.named import Protocol

_WRITTEN: Final = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+(?:/\d+)?)\]|(?P<host>[^\s:\[\]]+)):(?P<port>\d{1,5})(?:/(?P<protocol>tcp|udp))?"
)
_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?(?:/\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Written:
    """A host by its name, address or network, a port, and a protocol; not looked up yet."""

    host: str
    port: int
    protocol: Protocol = "tcp"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" + ("/udp" if self.protocol == "udp" else "")


def read(text: str) -> Written:
    """Read what may be called. Raises ConfigurationError, with how it is written."""
    found = _WRITTEN.fullmatch(text.strip())
    host = (found["six"] or found["host"]) if found else ""
    if found is None or not (found["six"] or _HOST.fullmatch(host)) or not 0 < int(found["port"]) < 65_536:
        raise ConfigurationError(
            f"not a server and its port: {text[:80]!r}",
            remedy="Write it as registry.example:443, 10.0.0.0/8:5432, [2001:db8::1]:443, or time.example:123/udp.",
        )
    return Written(host, int(found["port"]), cast("Protocol", found["protocol"] or "tcp"))
