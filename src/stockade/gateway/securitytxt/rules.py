"""Is a security.txt right? The rules of RFC 9116 sections 2 and 3, one function each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import MAXYEAR, UTC, datetime, timedelta, timezone
from urllib.parse import urlsplit

from stockade.gateway.securitytxt.lines import Field, Reading, read
from stockade.gateway.securitytxt.problem import Problem, error, notice, quoted, recommendation

URI_FIELDS = ("acknowledgments", "canonical", "contact", "csaf", "encryption", "hiring", "policy")
KNOWN_FIELDS = (*URI_FIELDS, "expires", "preferred-languages")

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_WITHOUT_SECONDS = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*")
_EXAMPLE = "Write it as in ‘Expires: 2030-12-31T23:59:00Z’."


def check(
    content: bytes | str, *, url: str | Sequence[str] | None = None, now: datetime, warn_days: int = 30
) -> list[Problem]:
    """Everything wrong with the file ``content``, worst first.

    ``url`` is where it was found; after redirects, every address of the chain, of which the first or the last must be
    listed as ``Canonical`` where that field is used (RFC 9116 section 2.5.2). ``now`` is an aware time; ``warn_days``
    is how long before ``Expires`` a notice is given. Never raises for what the file says.
    """
    reading = read(content)
    problems = [*reading.problems, *_about_fields(reading), *_about_the_file(reading, _chain(url), now, warn_days)]
    return sorted(problems, key=lambda p: (("error", "recommendation", "notice").index(p.severity), p.line or 0))


def _chain(url: str | Sequence[str] | None) -> Sequence[str]:
    return [url] if isinstance(url, str) else url or []


def _about_fields(reading: Reading) -> Iterator[Problem]:
    for field in reading.fields:
        if field.name in URI_FIELDS:
            yield from _uri(field)
        elif field.name == "preferred-languages":
            yield from _languages(field)
        elif field.name not in KNOWN_FIELDS:
            yield notice(
                field.line,
                "unknown_field",
                f"{quoted(field.name)} is not a field of the standard.",
                "Readers ignore it; look for a typing error.",
            )


def _about_the_file(reading: Reading, chain: Sequence[str], now: datetime, warn_days: int) -> Iterator[Problem]:
    yield from _expires(reading, now, warn_days)
    yield from _contact(reading)
    yield from _only_one_language_field(reading)
    yield from _canonical(reading, chain)
    yield from _csaf(reading)
    if not reading.signed:
        yield recommendation(None, "not_signed", "The file is not signed.", "Sign it with ‘gpg --clearsign’.")


def _uri(field: Field) -> Iterator[Problem]:
    """Values are URIs, those of the web with https (RFC 9116 section 2.5)."""
    scheme = _scheme(field.value)
    if not scheme:
        yield error(field.line, "no_uri", f"{quoted(field.value)} is not a URI.", _uri_remedy(field.value))
    elif scheme == "http":
        yield error(field.line, "no_https", f"{quoted(field.value)} is not protected by TLS.", "Write ‘https://…’.")


def _scheme(value: str) -> str:
    try:
        return urlsplit(value).scheme
    except ValueError:  # such as an unclosed bracket in the host
        return ""


def _uri_remedy(value: str) -> str:
    if "@" in value:
        return "Put ‘mailto:’ before an address."
    return "Put ‘tel:’ before a telephone number." if value.startswith("+") else "Write ‘https://…’."


def _languages(field: Field) -> Iterator[Problem]:
    """A comma-separated list of language tags (RFC 9116 section 2.5.8, RFC 5646)."""
    for tag in (part.strip() for part in field.value.split(",")):
        if not is_language(tag):
            yield error(
                field.line,
                "invalid_lang",
                f"{quoted(tag)} is not a language tag.",
                "Write ‘en, nl, pt-BR’ and the like.",
            )


def is_language(tag: str) -> bool:
    """Whether this is a language tag whose parts are registered (RFC 5646 section 2.2.9)."""
    import langcodes  # its tables take 40 ms to load, and few commands need them

    return bool(_LANGUAGE.fullmatch(tag)) and langcodes.tag_is_valid(tag)


def _only_one_language_field(reading: Reading) -> Iterator[Problem]:
    for extra in reading.named("preferred-languages")[1:]:
        yield error(
            extra.line, "multi_lang", "There is a second ‘Preferred-Languages’.", "Put all tags into the first."
        )


def _expires(reading: Reading, now: datetime, warn_days: int) -> Iterator[Problem]:
    """Exactly one, a date-time of RFC 3339, in the future, less than a year off (RFC 9116 section 2.5.5)."""
    fields = reading.named("expires")
    if not fields:
        yield error(None, "no_expire", "There is no ‘Expires’.", _EXAMPLE)
    for extra in fields[1:]:
        yield error(extra.line, "multi_expire", "There is a second ‘Expires’.", "Keep one of them.")
    for field in fields:
        yield from _expiry(field, now, warn_days)


def _expiry(field: Field, now: datetime, warn_days: int) -> Iterator[Problem]:
    expires = date_time(field.value)
    if expires is None:
        yield error(field.line, "invalid_expiry", _why_no_date_time(field.value), _EXAMPLE)
    elif lapse := lapsing(expires, now, warn_days, line=field.line):
        yield lapse
    elif expires > _a_year_after(now):
        yield recommendation(
            field.line, "long_expiry", f"{expires:%Y-%m-%d} is more than a year off.", "Choose a date within the year."
        )


def lapsing(expires: datetime, now: datetime, warn_days: int, *, line: int | None = None) -> Problem | None:
    """That a file has lapsed, or will within ``warn_days``; None while there is time."""
    renew = "Review what it says, and give it a new date."
    left = expires - now
    if left < timedelta(0):
        return error(line, "expired", f"The file expired on {expires:%Y-%m-%d}.", renew)
    if left >= timedelta(days=warn_days):
        return None
    return notice(line, "expires_soon", f"The file expires on {expires:%Y-%m-%d}; whole days left: {left.days}.", renew)


def date_time(value: str) -> datetime | None:
    """A date-time of RFC 3339 section 5.6, aware; None when it is something else. Leap seconds are not taken."""
    match = _DATE_TIME.fullmatch(value)
    if not match:
        return None
    sign, hours, minutes = match.group(7, 8, 9)
    try:
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
        year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February; the year 0
        return None


def _why_no_date_time(value: str) -> str:
    if _WITHOUT_SECONDS.fullmatch(value):
        return f"{quoted(value)} has no seconds: RFC 3339 requires hours, minutes and seconds."
    if _DATE_TIME.fullmatch(value):
        return f"{quoted(value)} is a date or time that does not exist."
    if _DATE_TIME.fullmatch(f"{value}Z"):
        return f"{quoted(value)} has no time zone: RFC 3339 requires ‘Z’ or an offset such as ‘+02:00’."
    return f"{quoted(value)} is not a date and time of RFC 3339."


def _a_year_after(now: datetime) -> datetime:
    year = min(now.year + 1, MAXYEAR)
    try:
        return now.replace(year=year)
    except ValueError:  # the 29th of February
        return now.replace(year=year, day=28)


def _contact(reading: Reading) -> Iterator[Problem]:
    """At least one (RFC 9116 section 2.5.3); a mail address wants a key (section 2.5.4)."""
    contacts = reading.named("contact")
    if not contacts:
        yield error(None, "no_contact", "There is no ‘Contact’.", "Add ‘Contact: mailto:…’ or ‘Contact: https://…’.")
    mail = next((field for field in contacts if field.value.startswith("mailto:")), None)
    if mail and not reading.named("encryption"):
        yield recommendation(
            mail.line,
            "no_encryption",
            "A report by mail cannot be encrypted.",
            "Add ‘Encryption: https://…’, where your public key is.",
        )


def _canonical(reading: Reading, chain: Sequence[str]) -> Iterator[Problem]:
    """Where ``Canonical`` is used, the file must be where it says (RFC 9116 section 2.5.2)."""
    canonical = reading.values("canonical")
    ends = [*chain[:1], *chain[-1:]]
    if canonical and ends and not set(ends) & set(canonical):
        yield error(
            reading.named("canonical")[0].line,
            "no_canonical_match",
            f"{quoted(ends[-1])} is not among the ‘Canonical’ addresses.",
            "List every address at which this file is served.",
        )
    if reading.signed and not canonical:
        yield recommendation(
            None,
            "no_canonical",
            "A signed file without ‘Canonical’ could be served anywhere.",
            "Add ‘Canonical: https://…/.well-known/security.txt’, and sign again.",
        )


def _csaf(reading: Reading) -> Iterator[Problem]:
    """The field of CSAF 2.0 section 7.1.8."""
    fields = reading.named("csaf")
    for field in fields:
        if not field.value.endswith("provider-metadata.json"):
            yield error(
                field.line,
                "no_csaf_file",
                f"{quoted(field.value)} is not a provider-metadata.json.",
                "Write the full address of that file.",
            )
    if len(fields) > 1:
        yield recommendation(
            fields[1].line, "multiple_csaf_fields", "There is a second ‘CSAF’.", "Keep one if you can."
        )
