"""The checker agrees with ``sectxt``, an independent validator, on whatever a file may hold.

Differences, all on purpose:

* ``sectxt`` says three things about a broken signature, depending on where its OpenPGP library stumbles. They are one
  thing here, compared as ``pgp``.
* It requires the armor's checksum, which RFC 9580 section 6.1 made optional, and cannot read a signed file with text
  outside ASCII, which RFC 9116 allows: ours are right to be silent.
* It does not look at the form of the signed text: the empty line after ``Hash:`` and the escaped dashes without which
  GnuPG refuses to read it (RFC 9580 section 7).
* In a signature that never ends it takes the last line end for a part of the signature, and misses it.
* It takes ``en_GB``, which RFC 5646 does not.
* It falls over on a URI such as ``https://[``, where ours reports ``no_uri``.
"""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockade.gateway.securitytxt import check

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its OpenPGP library uses what cryptography has deprecated
    import sectxt

SIGNED = (Path(__file__).parent / "signed.txt").read_text()
NOW = datetime.now(UTC)
SOON = f"{NOW + timedelta(days=200):%Y-%m-%dT%H:%M:%SZ}"
PLAIN = f"""\
# Our security address
Contact: mailto:security@example.org
Contact: https://example.org/report
Expires: {SOON}
Encryption: https://example.org/pgp-key.txt
Acknowledgments: https://example.org/hall-of-fame.html
Preferred-Languages: en, nl, pt-BR
Canonical: https://example.org/.well-known/security.txt
Policy: https://example.org/policy
Hiring: https://example.org/jobs
CSAF: https://example.org/.well-known/csaf/provider-metadata.json
"""
LINES = [
    *PLAIN.splitlines(),
    "",
    "# comment: with a colon",
    "Contact: security@example.org",
    "Contact: +1-201-555-0123",
    "Contact: tel:+1-201-555-0123",
    "contact: http://example.org",
    "Contact : https://example.org",
    "Contact:https://example.org",
    "Contact:",
    "Contact: ",
    ": value",
    "nonsense",
    " Contact: https://example.org",
    "Policy: HTTP://example.org/",
    "Policy: //example.org/policy",
    "Expires: 2024-12-31T23:59Z",
    "Expires: 2024-12-31T23:59:00Z",
    "Expires: 2099-12-31 23:59:00.25+02:00",
    "Expires: 2099-12-31T23:59:00",
    "Expires: 2099-02-30T23:59:00Z",
    "Expires: 2099-12-31T24:00:00Z",
    "Expires: 2099-12-31T23:59:60Z",
    "expires: 2099-12-31t23:59:00z",
    "Expires: 2099-12-31",
    "Expires: Thu, 31 Dec 2099 23:59:00 +0000",
    "Expires: tomorrow",
    "Preferred-Languages: english",
    "Preferred-Languages: en-UK, x-klingon",
    "Preferred-Languages: en,,nl",
    "Preferred-Languages: xx",
    "preferred-languages: zh-Hant",
    "CSAF: https://example.org/provider.json",
    "Hash: SHA512",
    "Contanct: https://example.org",
    "-----BEGIN PGP SIGNATURE-----",
    "- escaped",
]
BROKEN_SIGNATURE = {"pgp_data_error", "pgp_error", "pgp_signature_error"}


def _codes(codes: set[str]) -> set[str]:
    compared = {"pgp" if code in BROKEN_SIGNATURE else code for code in codes}
    return compared - {"pgp"} if "signed_format_issue" in compared else compared


def theirs(content: bytes, severity: str = "errors") -> set[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _codes({found["code"] for found in getattr(sectxt.Parser(content), severity)})


def ours(content: bytes, severity: str = "error") -> set[str]:
    return _codes({found.code for found in check(content, now=datetime.now(UTC)) if found.severity == severity})


def agree(content: bytes) -> None:
    assert ours(content) == theirs(content)
    assert ours(content, "recommendation") == theirs(content, "recommendations")
    assert ours(content, "notice") == theirs(content, "notifications")


@pytest.mark.parametrize("line", LINES, ids=[line.replace(SOON, "soon") for line in LINES])
def test_they_agree_on_each_line_added_to_a_good_file(line: str) -> None:
    agree(f"{PLAIN}{line}\n".encode())


@pytest.mark.parametrize("gone", range(len(PLAIN.splitlines())))
def test_they_agree_on_each_line_taken_from_a_good_file(gone: int) -> None:
    agree("".join(line for n, line in enumerate(PLAIN.splitlines(keepends=True)) if n != gone).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        PLAIN.encode() + b"# caf\xe9\n",
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.rstrip().encode(),
        PLAIN.encode() + b"\n\n",
        "# Größe 🔒\n".encode() + PLAIN.encode(),
        SIGNED.encode(),
        SIGNED.replace("\n", "\r\n").encode(),
        SIGNED.encode() + b"\n",
        SIGNED.encode() + b"Contact: https://example.org\n",
        b"\n" + SIGNED.encode(),
        b"# signed\n" + SIGNED.encode(),
        SIGNED.encode() * 2,
        SIGNED.replace("Canonical:", "X-Canonical:").encode(),
        SIGNED.replace("Hash: SHA512\n", "").encode(),
        SIGNED.replace("Contact:", "- Contact:").encode(),
        SIGNED.replace("-----END PGP SIGNATURE-----\n", "-----END PGP MESSAGE-----\n\n").rstrip().encode(),
        SIGNED.replace("-----BEGIN PGP SIGNATURE-----\n", "").encode(),
        SIGNED.replace("iHU", "i!U").encode(),
        SIGNED.replace("iHU", "iH").encode(),
        SIGNED.replace("iHU", "yDU").encode(),
    ],
)
def test_they_agree_on_the_form_of_the_file(content: bytes) -> None:
    agree(content)


@given(st.lists(st.sampled_from(LINES), max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_they_agree_on_any_mixture_of_lines(lines: list[str], end: str, whole: bool) -> None:
    agree((end.join(lines) + (end if whole else "")).encode())


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_they_agree_on_a_signed_file_in_which_something_was_changed(data: st.DataObject) -> None:
    lines = SIGNED.splitlines()
    first, last = lines.index("") + 1, lines.index("-----BEGIN PGP SIGNATURE-----") - 1
    at = data.draw(st.integers(first, last))
    change = data.draw(st.sampled_from(["remove", "repeat", "replace"]))
    new = data.draw(st.sampled_from([line for line in LINES if not line.startswith("-----")]))
    lines[at : at + 1] = {"remove": [], "repeat": [lines[at]] * 2, "replace": [new]}[change]
    agree("".join(f"{line}\n" for line in lines).encode())


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
@settings(max_examples=100, deadline=None)
def test_they_agree_on_noise(noise: bytes) -> None:
    agree(noise)


@pytest.mark.parametrize(("here", "there"), [("Hash: SHA512\n\n", "Hash: SHA512\n"), ("Contact: ", "-Contact: ")])
def test_the_form_of_the_signed_text_matters(here: str, there: str) -> None:
    content = SIGNED.replace(here, there).encode()
    assert "pgp" not in theirs(content)
    assert "pgp" in ours(content)


def test_a_checksum_is_optional() -> None:
    without = SIGNED.replace("=XmG7\n", "").encode()
    assert theirs(without) == {"pgp"}
    assert ours(without) == set()


def test_a_signed_file_may_hold_any_letter() -> None:
    content = SIGNED.replace("# --- end ---", "# — ende —").encode()
    assert theirs(content) == {"pgp"}
    assert ours(content) == set()


def test_a_signature_that_never_ends_is_one_error() -> None:
    content = SIGNED.replace("-----END PGP SIGNATURE-----\n", "").encode()
    assert theirs(content) == {"pgp", "no_line_separators"}
    assert ours(content) == {"pgp"}


def test_an_underscore_makes_no_language_tag() -> None:
    content = PLAIN.replace("pt-BR", "pt_BR").encode()
    assert theirs(content) == set()
    assert ours(content) == {"invalid_lang"}


def test_what_cannot_be_a_uri_is_said() -> None:
    content = PLAIN.encode() + b"Policy: https://[\n"
    with pytest.raises(ValueError, match="Invalid IPv6"):
        theirs(content)
    assert ours(content) == {"no_uri"}
