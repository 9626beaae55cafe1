"""A security.txt as its owner configures it, and as it is served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from stockade.errors import ConfigurationError
from stockade.gateway.securitytxt.lines import Reading, read
from stockade.gateway.securitytxt.problem import Problem, errors, quoted
from stockade.gateway.securitytxt.rules import check, date_time, lapsing

CONTENT_TYPE = "text/plain; charset=utf-8"  # RFC 9116 section 3
PATH = "/.well-known/security.txt"


@dataclass(frozen=True, slots=True)
class SecurityTxt:
    """The fields of RFC 9116 section 2.5; ``contact`` in order of preference, ``expires`` an aware time."""

    contact: tuple[str, ...]
    expires: datetime
    encryption: tuple[str, ...] = ()
    acknowledgments: tuple[str, ...] = ()
    preferred_languages: tuple[str, ...] = ()
    canonical: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    hiring: tuple[str, ...] = ()
    csaf: tuple[str, ...] = ()

    def warn_before_expiry(self, now: datetime, days: int = 30) -> Problem | None:
        """What to tell the operator from ``days`` before the file lapses, and after; None while there is time."""
        return lapsing(self.expires, now, days)


def render(config: SecurityTxt) -> str:
    """The file to serve.

    Raises ConfigurationError where a value would make it invalid, whatever the date: so what is served is valid until
    it expires.
    """
    if config.expires.tzinfo is None:
        raise ConfigurationError(
            f"the time {config.expires} at which security.txt expires has no time zone", remedy="Add ‘Z’ to it."
        )
    lines = [f"{name}: {value}" for name, value in _lines(config)]
    if broken := next((line for line in lines if not line.isprintable()), None):
        raise ConfigurationError(
            f"{quoted(broken)} in security.txt is not one line of text", remedy="Write each value on one line."
        )
    text = "".join(f"{line}\n" for line in lines)
    _refuse(check(text, now=config.expires - timedelta(seconds=1)))
    return text


def _lines(config: SecurityTxt) -> Iterator[tuple[str, str]]:
    yield from (("Contact", value) for value in config.contact)
    yield "Expires", config.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield from (("Encryption", value) for value in config.encryption)
    yield from (("Acknowledgments", value) for value in config.acknowledgments)
    if config.preferred_languages:
        yield "Preferred-Languages", ", ".join(config.preferred_languages)
    yield from (("Canonical", value) for value in config.canonical)
    yield from (("Policy", value) for value in config.policy)
    yield from (("Hiring", value) for value in config.hiring)
    yield from (("CSAF", value) for value in config.csaf)


def parse(content: bytes | str) -> SecurityTxt:
    """What a written file says; unknown fields are ignored, as RFC 9116 section 2.4 asks.

    Raises ConfigurationError, naming every error but that it has expired, which only a clock could tell.
    """
    reading = read(content)
    expires = next((moment for value in reading.values("expires") if (moment := date_time(value))), None)
    _refuse(check(content, now=expires or datetime.min.replace(tzinfo=UTC)))
    if expires is None:
        raise AssertionError("a file without a valid Expires has errors")
    return _document(reading, expires)


def _document(reading: Reading, expires: datetime) -> SecurityTxt:
    tags = [tag.strip() for value in reading.values("preferred-languages") for tag in value.split(",")]
    return SecurityTxt(
        contact=tuple(reading.values("contact")),
        expires=expires,
        encryption=tuple(reading.values("encryption")),
        acknowledgments=tuple(reading.values("acknowledgments")),
        preferred_languages=tuple(tags),
        canonical=tuple(reading.values("canonical")),
        policy=tuple(reading.values("policy")),
        hiring=tuple(reading.values("hiring")),
        csaf=tuple(reading.values("csaf")),
    )


def _refuse(problems: list[Problem]) -> None:
    wrong = errors(problems)
    if wrong:
        raise ConfigurationError(
            "security.txt would not be valid: " + " ".join(f"{p.code}: {p.message}" for p in wrong),
            remedy=" ".join(dict.fromkeys(p.remedy for p in wrong)),
        )
