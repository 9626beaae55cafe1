"""One spelling for each name: what looks the same is the same account, project or address."""

from __future__ import annotations

import re
from unicodedata import normalize

from stockade.directory.refusals import BadName

LONGEST = 255
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_TYPED_BY_MISTAKE = "stk_"  # a token typed where the name belongs must not pass for a name, and be recorded
_NAME_RULE = f"At most {LONGEST} letters a-z, digits, dots, underscores and hyphens, beginning with a letter or digit."
_PATH_RULE = "Names joined by single slashes, such as group/project; no part ends in .git."
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_LONGEST_EMAIL = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets


def fold(text: str) -> str:
    """The text casefolded and in NFKC, repeated until neither changes it any more (Unicode 3.13, toNFKC_Casefold in
    spirit).
    """
    folded = normalize("NFKC", text.casefold())
    return folded if folded == text else fold(folded)


def account_name(text: str) -> str:
    """The canonical form of an account's name; raises BadName when it has none."""
    name = fold(text) if len(text) <= LONGEST else ""
    if len(name) > LONGEST or not _NAME.fullmatch(name) or name.startswith(_TYPED_BY_MISTAKE):
        raise BadName("an account's name", _NAME_RULE)
    return name


def project_path(text: str) -> str:
    """The canonical form of a project's or group's path, one ``.git`` taken off; raises BadName when it has none.

    A part can be neither empty, ``.`` nor ``..``, so a canonical path is safe below a directory.
    """
    path = fold(text).removesuffix(".git") if len(text) <= LONGEST else ""
    parts = path.split("/")
    if len(path) > LONGEST or not all(_NAME.fullmatch(part) and not part.endswith(".git") for part in parts):
        raise BadName("a project's path", _PATH_RULE)
    return path


def place_path(text: str) -> str:
    """The same for whatever may belong to the whole instance too, which is ``""``."""
    return project_path(text) if text else ""


def email_key(text: str) -> str:
    """The form under which an e-mail address is looked up; raises BadName when the text is no address."""
    key = fold(text) if len(text) <= _LONGEST_EMAIL else ""
    if not (_EMAIL.fullmatch(key) and key.isprintable() and len(key) <= LONGEST):
        raise BadName("an e-mail address", f"At most {_LONGEST_EMAIL} characters of the form name@host.")
    return key


def label(text: str) -> str:
    """A free text that people give to a thing; raises BadName when it is empty, too long, or has control characters."""
    if not (0 < len(text) <= LONGEST and text.isprintable()):
        raise BadName("a label", f"1 to {LONGEST} printable characters.")
    return text
