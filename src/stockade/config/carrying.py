"""Where the audit log is carried to, and by what it is read while it grows, as a configuration writes it."""

# ruff: noqa: RUF009  a field that is a setting is made by a call, and is a plain dataclass field

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, get_args

from stockade.audit.sinks.settings import SCHEMES, SinkSettings
from stockade.config.kinds import PATH
from stockade.config.secrets import REFERENCE
from stockade.config.source import Place
from stockade.config.tables import read_table, setting
from stockade.config.values import DURATION, TEXT, Kind, one_of, shown, whole
from stockade.errors import ConfigurationError
from stockade.events import Severity


def _reference(value: object, place: Place) -> str:
    written = TEXT.read(value, place)
    if not REFERENCE.fullmatch(written):
        raise place.wrong(f"{place.key} is written out", "Write file:PATH or env:NAME, where the secret is.")
    return written


def _url(value: object, place: Place) -> str:
    written = TEXT.read(value, place)
    try:
        SinkSettings(url=written)
    except ConfigurationError as error:
        raise place.wrong(f"{place.key} is {shown(written)}: {error.message}", error.remedy) from error
    return written


SECRET: Final[Kind[str]] = Kind("file:PATH or env:NAME", _reference)
SINK_URL: Final[Kind[str]] = Kind(" or ".join(f"{scheme}://" for scheme in SCHEMES), _url)


@dataclass(frozen=True, kw_only=True)
class SinkTable:
    """One place where the log can only be added to; `stockade serve` carries it there, and `stockade audit probe` shows
    whether a store refuses what it should.
    """

    url: str = setting(SINK_URL, "Where to; the scheme says what kind of sink.")
    name: str = setting(TEXT, "What it is called in lists.", "", shown_default="made from the URL")
    deadline: float = setting(DURATION, "How long one step may take before it is tried again.", 10.0)
    ca: Path | None = setting(PATH, "TLS: certificates to trust.", None, shown_default="those of the system")
    certificate: Path | None = setting(PATH, "TLS: the certificate of this side.", None, shown_default="none")
    key: Path | None = setting(PATH, "TLS: its private key.", None, shown_default="none")
    server_name: str = setting(TEXT, "TLS: the name in the other's certificate.", "", shown_default="that of the URL")
    rewind: int = setting(whole(0, 1_000_000), "Syslog: entries sent again after a broken connection.", 1000)
    longest: int = setting(whole(500, 60_000), "Syslog, RELP: octets of an entry that are sent whole.", 8000)
    enterprise: int = setting(
        whole(1, 2**32), "Syslog, RELP: the number in the structured data (RFC 5424 section 7.2.2).", 32473
    )
    token: str = setting(SECRET, "HTTPS: what is sent as a bearer token.", "", shown_default="none")
    signing_key: str = setting(SECRET, "HTTPS: the key that signs each request.", "", shown_default="none")
    endpoint: str = setting(TEXT, "S3: the address of the store.", "", shown_default="Amazon's")
    region: str = setting(TEXT, "S3: its region.", "us-east-1")
    retain: float = setting(DURATION, "S3: how long an object is locked.", 0.0, shown_default="must be written for S3")
    access_key: str = setting(SECRET, "S3: the key of who may only write.", "", shown_default="none")
    secret_key: str = setting(SECRET, "S3: its secret.", "", shown_default="none")
    reader_key: str = setting(
        SECRET, "S3: the key of who may only read, with which what was stored is read back.", "", shown_default="none"
    )
    reader_secret: str = setting(SECRET, "S3: its secret.", "", shown_default="none")
    witness: Path | None = setting(PATH, "Witness: its public keys.", None, shown_default="none")
    every: float = setting(
        DURATION, "Witness, time stamps: how long to wait between two heads.", 0.0, shown_default="as the kind needs"
    )

    def sink(self) -> SinkSettings:
        """The same, as whoever carries takes it."""
        return SinkSettings(**{each.name: getattr(self, each.name) for each in fields(self)})


def _sinks(value: object, place: Place) -> tuple[SinkTable, ...]:
    title, called = "[[audit.sinks]]", set[str]()
    if not isinstance(value, list):
        raise place.wrong(f"{place.key} is {shown(value)}", f"Write it under a heading {title}.")
    found = tuple(read_table(SinkTable, each, place / at, title) for at, each in enumerate(value))
    for at, each in enumerate(found):
        if (name := each.sink().called) in called:
            raise (place / at).wrong(f"two sinks are called {shown(name)}", "Give one of them another name.")
        called.add(name)
    return found


SINKS: Final[Kind[tuple[SinkTable, ...]]] = Kind("[[audit.sinks]]", _sinks)


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """What reads the log as it grows and records what it finds. Where this table stands, `stockade serve` runs it."""

    rules: Path | None = setting(PATH, "A directory of rules of your own, beside ours.", None, shown_default="none")
    geoip: Path | None = setting(
        PATH, "A GeoIP database (.mmdb), for countries and travel.", None, shown_default="none"
    )
    level: Severity = setting(one_of(*get_args(Severity)), "The least severity that is recorded.", "low")
