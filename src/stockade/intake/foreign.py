"""What other systems say, made fit for a log: bounded, of JSON values only, and without the secrets in it.

Whoever can read the audit log must not find a credential there that still works. So a value is struck out when its name
says that it is a secret, and a text loses what looks like one: tokens by their known prefixes, credentials in headers,
in addresses and in queries. What cannot be told for a secret by name or by look stays.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final

from stockade.events import Ref

STRUCK: Final = "[redacted]"
MAX_TEXT: Final = 2_000
"""Characters of one text that are kept."""
MAX_ITEMS: Final = 200
"""Members of one object or array that are kept."""
MAX_DEPTH: Final = 8
EMPTY: Final[Sequence[object]] = ("", [], {})
MAX_WHOLE: Final = 24_000
"""Octets of a foreign event as JSON; of a larger one the beginning is kept, with its size and SHA-256."""

_WORDS: Final = (
    r"password|passwd|passphrase|pwd|secret|token|authorization|cookie|jwt|credentials?|otp|otp_attempt|signature"
    r"|(?:api|private|access|secret|encryption|signing)_?key|key_value|session_?id|assertion|samlresponse|csrf\w*"
    r"|password_confirmation|(?:new|current|old|encrypted|hashed)_password|token_digest|recovery_codes?|backup_codes?"
)
SECRET_NAME: Final = re.compile(rf"(?:.*[\W_])?(?:{_WORDS})\Z", re.IGNORECASE | re.DOTALL)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_LOOKS: Final = re.compile(
    r"\b(?:gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[\w.-]{8,}"  # GitLab
    r"|gh[pousr]_\w{16,}|github_pat_\w{16,}"  # GitHub
    r"|xox[abprs]-[\w-]{8,}|sk_(?:live|test)_\w{8,}|npm_\w{20,}|pypi-[\w-]{16,}|stk_\w{8,}"
    r"|eyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*)"  # JSON Web Tokens (RFC 7519)
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_HEADER: Final = re.compile(
    r"\b((?:Private-Token|Job-Token|Deploy-Token|X-[\w-]*Token|Authorization|Cookie)\s*[:=]\s*"
    r"(?:(?:Bearer|Basic|Digest|Negotiate|Token)\s+)?)(?!\[)[^\s\"']+"
    r"|\b((?:Bearer|Basic)\s+)(?=[^\s\"']*\d)[\w.~+/=:-]{8,}",
    re.IGNORECASE,
)
_USERINFO: Final = re.compile(r"(://[^/\s:@\"']{0,256}:)[^/\s@\"']{1,512}(?=@)")
_QUERY: Final = re.compile(
    r"((?:^|[?&;\s\"'])(?:[\w.%\[\]-]{0,64}?(?:_|-|%5B|\[|\b))?"
    r"(?:token|secret|password|passwd|pwd|jwt|signature|sig|code|otp|otp_attempt|(?:api|private|access)_?key|session_?id)"
    r"(?:%5D|\])?=)(?!\[)[^&;\s\"'#]+",
    re.IGNORECASE,
)
_PREFIXES: Final = ("gl", "gh", "github_pat_", "xox", "sk_", "npm_", "pypi-", "stk_", "eyJ", "-----BEGIN")
_HEADERS: Final = ("token", "authorization", "cookie", "bearer", "basic")
REMEMBERED: Final = 4_096
"""Short texts and names that are kept as they were cleaned: most of what a log says it has said before."""
SHORT: Final = 512


def clean(text: str, most: int = MAX_TEXT) -> str:
    """A text without what looks like a secret, cut to ``most`` characters."""
    shown = _remembered(text) if len(text) <= SHORT else _cleaned(text[: most * 4])
    return shown if len(text) <= most and len(shown) <= most else shown[:most] + "…"


def _cleaned(text: str) -> str:
    """A text without secrets. What a text must hold to have one is looked for first, for that costs next to nothing."""
    lower = text.lower()
    if any(prefix in text for prefix in _PREFIXES):
        text = _LOOKS.sub(STRUCK, text)
    if any(header in lower for header in _HEADERS):
        text = _HEADER.sub(lambda found: (found[1] or found[2]) + STRUCK, text)
    if "://" in text:
        text = _USERINFO.sub(rf"\1{STRUCK}", text)
    return _QUERY.sub(rf"\1{STRUCK}", text) if "=" in text else text


_remembered = lru_cache(maxsize=REMEMBERED)(_cleaned)


def is_secret(name: str) -> bool:
    """Whether a field of this name holds a secret: ``password``, ``private_token``, ``user[otp_attempt]``, ``apiKey``.

    ``token_id`` and ``token_type`` are none.
    """
    return _is_secret(name[:128])


@lru_cache(maxsize=REMEMBERED)
def _is_secret(name: str) -> bool:
    return SECRET_NAME.match(_CAMEL.sub("_", name).rstrip("]\"' ")) is not None


def value(found: object, depth: int = 0) -> object:
    """A foreign JSON value, bounded and without its secrets."""
    if isinstance(found, str):
        return clean(found)
    if found is None or isinstance(found, int | float):
        return _number(found)
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(found, Mapping):
        return _object(found, depth)
    return _array(found, depth) if isinstance(found, Sequence) else clean(str(found))


def _number(found: object) -> object:
    """A number that any reader of JSON takes for the same; of others their digits."""
    if isinstance(found, int) and not -(2**63) <= found < 2**63:
        return str(found) if found.bit_length() < MAX_TEXT else "…"
    return str(found) if isinstance(found, float) and not math.isfinite(found) else found


def _object(found: Mapping[Any, object], depth: int) -> dict[str, object]:
    kept: dict[str, object] = {}
    pair = isinstance(found.get("key"), str) and "value" in found and is_secret(found["key"])  # type: ignore[arg-type]
    for name, each in found.items():
        if len(kept) >= MAX_ITEMS:
            kept["…"] = len(found) - MAX_ITEMS
            break
        key = clean(str(name), 128)
        hidden = is_secret(str(name)) or (pair and name == "value")
        kept[key] = struck(each) if hidden else value(each, depth + 1)
    return kept


def struck(found: object) -> object:
    """What stands in the place of a secret: that there was one, unless it was empty or struck out already."""
    return found if found in (None, "", True, False, "[FILTERED]", "[REDACTED]", "***") else STRUCK


def _array(found: Sequence[object], depth: int) -> list[object]:
    kept = [value(each, depth + 1) for each in found[:MAX_ITEMS]]
    return kept if len(found) <= MAX_ITEMS else [*kept, "…"]


def whole(found: object) -> object:
    """A foreign event whole, as far as it is not larger than the log would keep it."""
    kept = value(found)
    said = json.dumps(kept, separators=(",", ":"))
    if len(said) <= MAX_WHOLE:
        return kept
    return {"begins": said[:MAX_TEXT], "octets": len(said), "sha256": sha256(said.encode()).hexdigest()}


def fields(**found: object) -> dict[str, object]:
    """The details of an event: those that say something, bounded, and without their secrets."""
    said = {name: each for name, each in found.items() if each is not None and each not in EMPTY}
    return {name: struck(each) if is_secret(name) else value(each) for name, each in said.items()}


def address(text: str | None) -> str | None:
    """An IP address in its one spelling, without brackets, port or zone; None for what is none."""
    return _address(text) if text and len(text) <= 64 else None


@lru_cache(maxsize=REMEMBERED)
def _address(text: str) -> str | None:
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(found, "ipv4_mapped", None) or found)


def kind(name: object) -> str:
    """The class of a foreign thing as a kind of reference: ``Gitlab::Audit::InstanceScope`` is ``instance_scope``."""
    return _kind(str(name)[:256])


@lru_cache(maxsize=REMEMBERED)
def _kind(name: str) -> str:
    said = name.rpartition("::")[2][:64]
    return re.sub(r"[^a-z0-9_.-]", "_", _CAMEL.sub("_", said).lower())


def ref(system: str, kind: str, id: object) -> Ref | None:
    """A reference to a foreign thing; None when it has no name."""
    said = clean(str(id), 256).strip() if id is not None else ""
    return Ref(system, kind, said) if said and kind else None
