"""The outside of an OpenPGP cleartext signature: is it whole? (RFC 9580 section 7)

Whether the signature is *true* cannot be said from here: that needs the signer's key, and whoever reads the file has to
get that from somewhere else than the file.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence

from stockade.gateway.securitytxt.problem import Problem, error

BEGIN_MESSAGE = "-----BEGIN PGP SIGNED MESSAGE-----"
BEGIN_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
END_SIGNATURE = "-----END PGP SIGNATURE-----"

_SIGN_AGAIN = "Sign the file again, with ‘gpg --clearsign’ for one."
_HASH = re.compile(r"Hash: [A-Za-z0-9,-]+")
_ARMOR_HEADER = re.compile(r"[A-Za-z0-9]+: .+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{1,76}={0,2}")
_CHECKSUM = re.compile(r"=[A-Za-z0-9+/]{4}")
_SIGNATURE_PACKET = 2  # RFC 9580 section 5
_HASHED_AREA = {4: (4, 2), 6: (4, 4)}  # version: where the area's length stands in the packet, and in how many octets


class _Malformed(Exception):
    """Carries the code and the sentence of what is wrong."""


def check(lines: Sequence[str]) -> list[Problem]:
    """What is wrong with a file that holds :data:`BEGIN_MESSAGE`; its lines without their ends."""
    problems, first = [], lines.index(BEGIN_MESSAGE) + 1
    if first != 1:
        said = "The signed message does not begin on the first line."
        problems.append(error(first, "signed_format_issue", said, f"Put nothing above ‘{BEGIN_MESSAGE}’."))
    try:
        _check_packets(_armored(lines))
    except _Malformed as wrong:
        code, sentence = wrong.args
        problems.append(error(None, code, sentence, _SIGN_AGAIN))
    return problems


def _armored(lines: Sequence[str]) -> bytes:
    """The octets within the one armor (RFC 9580 section 6.2)."""
    for mark in (BEGIN_MESSAGE, BEGIN_SIGNATURE, END_SIGNATURE):
        if lines.count(mark) != 1:
            raise _Malformed("pgp_data_error", f"‘{mark}’ stands {lines.count(mark)} times in the file, not once.")
    message, begin, end = (lines.index(mark) for mark in (BEGIN_MESSAGE, BEGIN_SIGNATURE, END_SIGNATURE))
    if not message < begin < end:
        raise _Malformed("pgp_data_error", "The parts of the signed message are not in order.")
    _check_cleartext(lines[message + 1 : begin])
    return _decode(_body(lines[begin + 1 : end]))


def _check_cleartext(cleartext: Sequence[str]) -> None:
    headers = next((n for n, line in enumerate(cleartext) if not _HASH.fullmatch(line)), len(cleartext))
    if headers and cleartext[headers : headers + 1] != [""]:
        raise _Malformed("pgp_data_error", "There is no empty line between ‘Hash:’ and the signed text.")
    if any(line.startswith("-") and not line.startswith("- ") for line in cleartext[headers:]):
        raise _Malformed("pgp_data_error", "A line of the signed text begins with a dash that is not escaped.")


def _body(armor: Sequence[str]) -> Sequence[str]:
    """The base64 lines, without the armor's headers and its optional checksum (RFC 9580 section 6.1)."""
    start = next((n for n, line in enumerate(armor) if not _ARMOR_HEADER.fullmatch(line)), len(armor))
    rest = armor[start:]
    if rest and not rest[0]:
        rest = rest[1:]
    if rest and _CHECKSUM.fullmatch(rest[-1]):
        rest = rest[:-1]
    if not rest or not all(_BASE64.fullmatch(line) for line in rest):
        raise _Malformed("pgp_data_error", "The signature is not ASCII armor.")
    return rest


def _decode(body: Sequence[str]) -> bytes:
    try:
        return base64.b64decode("".join(body), validate=True)
    except binascii.Error:
        raise _Malformed("pgp_error", "The signature's base64 cannot be decoded.") from None


def _check_packets(octets: bytes) -> None:
    while octets:
        tag, content, octets = _packet(octets)
        if tag != _SIGNATURE_PACKET:
            raise _Malformed("pgp_error", f"The armor holds a packet of type {tag}, which is not a signature.")
        _check_signature(content)


def _packet(octets: bytes) -> tuple[int, bytes, bytes]:
    """Type and content of the first packet, and what follows it (RFC 9580 section 4.2)."""
    if not octets[0] & 0x80:
        raise _Malformed("pgp_error", "The armor does not hold OpenPGP packets.")
    if octets[0] & 0x40:
        tag, (size, start) = octets[0] & 0x3F, _new_length(octets)
    else:
        tag, (size, start) = octets[0] >> 2 & 0x0F, _old_length(octets)
    if start + size > len(octets):
        raise _Malformed("pgp_signature_error", "The signature is cut short.")
    return tag, octets[start : start + size], octets[start + size :]


def _new_length(octets: bytes) -> tuple[int, int]:
    """Length of the content and where it starts (RFC 9580 section 4.2.1)."""
    first = octets[1] if len(octets) > 1 else 255
    if first < 192:
        return first, 2
    if first < 224:
        return (first - 192 << 8) + int.from_bytes(octets[2:3]) + 192, 3
    if first < 255:
        raise _Malformed("pgp_signature_error", "A signature must not be of partial length.")
    return int.from_bytes(octets[2:6]), 6


def _old_length(octets: bytes) -> tuple[int, int]:
    """As :func:`_new_length`, for the older header (RFC 9580 section 4.2.2)."""
    width = (1, 2, 4, 0)[octets[0] & 3]
    return (int.from_bytes(octets[1 : 1 + width]), 1 + width) if width else (len(octets) - 1, 1)


def _check_signature(content: bytes) -> None:
    """Version and the lengths of the two subpacket areas must fit (RFC 9580 section 5.2.3); version 3 has no areas."""
    version = content[0] if content else 0
    if version == 3:
        return
    if version not in _HASHED_AREA:
        raise _Malformed("pgp_error", f"The signature is of the unknown version {version}.")
    at, width = _HASHED_AREA[version]
    for _ in ("hashed", "unhashed"):
        at += width + int.from_bytes(content[at : at + width])
    if at + 2 > len(content):
        raise _Malformed("pgp_signature_error", "The signature is cut short.")
