"""A security.txt is written from settings, read back, checked, and watched for its day of expiry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.errors import ConfigurationError
from stockade.gateway.securitytxt import Problem, SecurityTxt, check, parse, render

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HERE = "https://example.org/.well-known/security.txt"
FULL = SecurityTxt(
    contact=("mailto:security@example.org", "https://example.org/report"),
    expires=datetime(2027, 1, 1, 12, tzinfo=UTC),
    encryption=("https://example.org/key.txt",),
    acknowledgments=("https://example.org/thanks",),
    preferred_languages=("en", "nl"),
    canonical=(HERE,),
    policy=("https://example.org/policy",),
    hiring=("https://example.org/jobs",),
    csaf=("https://example.org/.well-known/csaf/provider-metadata.json",),
)


def codes(content: bytes | str, *, now: datetime = NOW, url: str | list[str] | None = None) -> dict[str, int | None]:
    return {problem.code: problem.line for problem in check(content, now=now, url=url)}


def only(problems: list[Problem], code: str) -> Problem:
    (found,) = (problem for problem in problems if problem.code == code)
    return found


def test_settings_become_the_file_that_is_served() -> None:
    assert render(FULL) == (
        "Contact: mailto:security@example.org\n"
        "Contact: https://example.org/report\n"
        "Expires: 2027-01-01T12:00:00Z\n"
        "Encryption: https://example.org/key.txt\n"
        "Acknowledgments: https://example.org/thanks\n"
        "Preferred-Languages: en, nl\n"
        "Canonical: https://example.org/.well-known/security.txt\n"
        "Policy: https://example.org/policy\n"
        "Hiring: https://example.org/jobs\n"
        "CSAF: https://example.org/.well-known/csaf/provider-metadata.json\n"
    )


def test_what_was_written_reads_back_the_same() -> None:
    assert parse(render(FULL)) == FULL


def test_a_rendered_file_only_lacks_a_signature() -> None:
    assert codes(render(FULL), url=HERE) == {"not_signed": None}


def test_a_signed_file_reads_as_what_was_signed() -> None:
    signed = parse((Path(__file__).parent / "signed.txt").read_bytes())
    assert signed.contact == ("mailto:security@example.org",)
    assert signed.canonical == (HERE,)


def test_a_time_without_seconds_as_gitlab_documents_it_is_refused_and_why() -> None:
    problem = only(
        check("Contact: mailto:security@example.com\nExpires: 2024-12-31T23:59Z\n", now=NOW), "invalid_expiry"
    )
    assert problem.line == 2
    assert problem.severity == "error"
    assert "has no seconds" in problem.message
    assert "Expires: 2030-12-31T23:59:00Z" in problem.remedy


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("2026-12-31T23:59:00", "has no time zone"),
        ("2026-02-30T23:59:00Z", "does not exist"),
        ("31.12.2026", "not a date and time of RFC 3339"),
    ],
)
def test_a_wrong_time_is_told_from_a_missing_one(value: str, why: str) -> None:
    assert why in only(check(f"Contact: tel:+1\nExpires: {value}\n", now=NOW), "invalid_expiry").message


def test_the_operator_is_warned_from_thirty_days_before_the_file_lapses() -> None:
    def told(moment: datetime) -> str | None:
        problem = FULL.warn_before_expiry(moment)
        return problem.code if problem else None

    assert told(FULL.expires - timedelta(days=31)) is None
    assert told(FULL.expires - timedelta(days=29)) == "expires_soon"
    assert told(FULL.expires + timedelta(seconds=1)) == "expired"
    assert "expires_soon" in codes(render(FULL), now=FULL.expires - timedelta(days=1))
    assert "expired" in codes(render(FULL), now=FULL.expires + timedelta(days=1))


def test_more_than_a_year_is_too_long_also_from_a_leap_day() -> None:
    leap_day = datetime(2028, 2, 29, tzinfo=UTC)
    text = "Contact: tel:+1\nExpires: {}\n"
    assert "long_expiry" not in codes(text.format("2029-02-28T00:00:00Z"), now=leap_day)
    assert "long_expiry" in codes(text.format("2029-02-28T00:00:01Z"), now=leap_day)
    assert "long_expiry" not in codes(text.format("9999-12-31T00:00:00Z"), now=datetime.max.replace(tzinfo=UTC))


def test_the_file_must_be_where_it_says_it_is() -> None:
    text = render(FULL)
    assert "no_canonical_match" in codes(text, url="https://example.com/.well-known/security.txt")
    assert "no_canonical_match" not in codes(text, url=["https://old.example.org/.well-known/security.txt", HERE])
    assert "no_canonical_match" not in codes(text, url=[HERE, "https://www.example.org/.well-known/security.txt"])
    assert "no_canonical_match" in codes(text, url=["https://a.example/", HERE, "https://b.example/"])


def test_the_remedy_fits_the_mistake() -> None:
    text = "Contact: security@example.org\nContact: +31 20 000 000\nContact: example.org\n"
    remedies = [problem.remedy for problem in check(text, now=NOW) if problem.code == "no_uri"]
    assert remedies == [
        "Put ‘mailto:’ before an address.",
        "Put ‘tel:’ before a telephone number.",
        "Write ‘https://…’.",
    ]


def test_what_a_hostile_file_says_is_shown_harmlessly() -> None:
    problem = only(check(f"\x1b[2J\u202eevil{'x' * 1000}: 1\n", now=NOW), "unknown_field")
    assert problem.message.isprintable()
    assert len(problem.message) < 200


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"contact": ()}, "no_contact"),
        ({"contact": ("security@example.org",)}, "no_uri"),
        ({"policy": ("http://example.org",)}, "no_https"),
        ({"preferred_languages": ("english",)}, "invalid_lang"),
        ({"contact": ("tel:+1\nPolicy: https://evil.example",)}, "not one line"),
        ({"expires": datetime(2027, 1, 1)}, "no time zone"),  # noqa: DTZ001 - the mistake itself
    ],
)
def test_settings_that_would_make_the_file_invalid_are_refused(wrong: dict[str, object], code: str) -> None:
    good: dict[str, object] = {"contact": ("tel:+1",), "expires": FULL.expires}
    with pytest.raises(ConfigurationError, match=code):
        render(SecurityTxt(**(good | wrong)))  # type: ignore[arg-type]


def test_a_wrong_file_cannot_be_read_and_every_error_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"no_expire.*no_contact"):
        parse("Policy: https://example.org\n")


URIS = st.from_regex(r"https://[a-z]{1,10}\.example(/[a-z0-9._~-]{0,10})?", fullmatch=True)


@given(st.lists(URIS, min_size=1, max_size=3), st.lists(URIS, max_size=3), st.datetimes(timezones=st.just(UTC)))
@settings(max_examples=60, deadline=None)
def test_any_good_settings_make_a_valid_file(contact: list[str], policy: list[str], expires: datetime) -> None:
    whole = expires.replace(microsecond=0, year=max(expires.year, 1001))
    settings_ = SecurityTxt(contact=tuple(contact), expires=whole, policy=tuple(policy))
    assert parse(render(settings_)) == settings_
