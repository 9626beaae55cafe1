"""How a sink is written down: a URL, and options by name; a secret is never among them, only where it is kept.

::

    s3://bucket/prefix?endpoint=https://store.example&retain=400d&access-key=env:AK&secret-key=file:/etc/stockade/sk
    syslog+tls://collector.example:6514?ca=/etc/ssl/ca.pem&certificate=/etc/ssl/me.pem&key=/etc/ssl/me.key
    relp+tls://collector.example:2514?ca=…&certificate=…&key=…
    https://collector.example/audit?token=env:TOKEN&signing-key=file:/etc/stockade/carrier.key
    file:///var/log/audit/copy.jsonl
    witness+https://witness.example/w1?witness=/etc/stockade/witness.pub
    tsa+https://tsa.example/stamp?every=6h

A configuration says the same as a table: ``url`` without the part after the question mark, and each option under the
name of its field here. Whatever opens sinks is handed the function that looks a reference up; nothing here does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from stockade.errors import ConfigurationError

Resolve = Callable[[str], str]
"""Answers what ``file:PATH`` or ``env:NAME`` holds; raises ConfigurationError."""

SCHEMES: Final = (
    "s3", "syslog+tls", "relp+tls", "https", "file", "witness+https", "witness+http", "tsa+https", "tsa+http",
)  # fmt: skip
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


@dataclass(frozen=True, kw_only=True)
class SinkSettings:
    """One sink. Times are in seconds; a field of type ``str`` that says so is a reference, ``file:`` or ``env:``.

    ===================  =========================  ==================================================================
    field                counts for                 meaning
    ===================  =========================  ==================================================================
    ``url``              all                        where to; the scheme says what kind of sink
    ``name``             all                        what it is called in lists and files; else made from the URL
    ``deadline``         all                        how long one step may take before it is given up and tried again
    ``ca``               TLS                        certificates that are trusted; those of the system unless told
    ``certificate``      TLS                        the certificate of this side, with ``key``
    ``key``              TLS                        its private key
    ``server_name``      TLS                        the name that the other side's certificate must bear
    ``rewind``           syslog                     how many entries are sent again after a broken connection
    ``longest``          syslog, RELP               octets of an entry that are sent whole; longer ones are summed up
    ``enterprise``       syslog, RELP               the number in the structured data (RFC 5424 section 7.2.2)
    ``token``            HTTPS                      reference to what is sent as ``Authorization: Bearer``
    ``signing_key``      HTTPS                      reference to the private key that signs every request
    ``endpoint``         S3                         the address of the store; Amazon's unless told
    ``region``           S3
    ``retain``           S3                         how long an object is locked, from the moment it is stored
    ``access_key``       S3                         references to the key of who may only write,
    ``secret_key``       S3                         and to its secret
    ``reader_key``       S3                         references to the key of who may only read: when given, what was
    ``reader_secret``    S3                         stored is read back and compared
    ``witness``          witness                    the public keys of the witness
    ``every``            witness, TSA, S3           how long to wait between two heads, or between two copies of a
                                                    segment that is not sealed; 0: at once, 1 h, 5 min
    ===================  =========================  ==================================================================
    """

    url: str
    name: str = ""
    deadline: float = 10.0
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""
    rewind: int = 1000
    longest: int = 8000
    enterprise: int = 32473
    token: str = ""
    signing_key: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    retain: float = 0.0
    access_key: str = ""
    secret_key: str = ""
    reader_key: str = ""
    reader_secret: str = ""
    witness: Path | None = None
    every: float = 0.0

    def __post_init__(self) -> None:
        """Raises ConfigurationError for a URL of no known kind, and for one with a password in it."""
        parts = urlsplit(self.url)
        if parts.scheme not in SCHEMES:
            known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
            raise ConfigurationError(
                f"no sink begins with {parts.scheme or self.url[:20]}", remedy=f"There are {known}."
            )
        if parts.password or parts.query or parts.fragment:
            remedy = "Give secrets as options that say where they are: file:PATH or env:NAME."
            raise ConfigurationError("the URL of a sink holds more than an address", remedy=remedy)
        if not 0 < self.deadline <= 3600:
            raise ConfigurationError(f"a deadline of {self.deadline} s is not between 0 and an hour")

    @classmethod
    def parse(cls, written: str) -> Self:
        """Read a URL with its options after a question mark. Raises ConfigurationError."""
        url, _, query = written.partition("?")
        types = {field.name: str(field.type) for field in fields(cls)}
        given: dict[str, Any] = {}
        for option, _, value in (each.partition("=") for each in query.split("&") if each):
            name = option.replace("-", "_")
            if name not in types or name == "url":
                known = ", ".join(each.replace("_", "-") for each in types if each != "url")
                raise ConfigurationError(f"a sink has no option {option!r}", remedy=f"There are {known}.")
            given[name] = _read(option, types[name], unquote(value))
        return cls(url=url, **given)

    @property
    def called(self) -> str:
        """The name of the sink: fit for a file's name, and the same each time."""
        parts = urlsplit(self.url)
        made = self.name or f"{parts.scheme}-{parts.hostname or ''}{parts.path}"
        return re.sub(r"[^\w.]+", "-", made).strip("-.") or "sink"


def named(settings: list[SinkSettings]) -> Mapping[str, SinkSettings]:
    """Sinks by their names. Raises ConfigurationError when two are called the same."""
    found: dict[str, SinkSettings] = {}
    for each in settings:
        if each.called in found:
            raise ConfigurationError(f"two sinks are called {each.called}", remedy="Give one of them another name.")
        found[each.called] = each
    return found


def _read(option: str, kind: str, value: str) -> object:
    try:
        if kind == "float":
            return _seconds(value)
        return int(value) if kind == "int" else Path(value) if kind.startswith("Path") else value
    except ValueError:
        raise ConfigurationError(f"{option} is {value[:40]!r}, not a number") from None


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(text)
    return float(found[1]) * _UNITS.get(found[2], 1)
