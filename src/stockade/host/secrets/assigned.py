"""Names and values as configuration writes them, whatever its syntax: what a telling name is given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from stockade.events import Secret
from stockade.host.secrets.found import Candidate, Grade

WORDS: Final = (
    *("password", "passwd", "passphrase", "_pass", "pwd", "secret", "token", "api_key", "apikey", "api-key"),
    *("access_key", "accesskey", "private_key", "privatekey", "auth_key", "authkey", "encryption_key", "signing_key"),
    *("key_base", "key-data", "keybase", "credential", "requirepass", "masterauth", "masterkey", "master_key"),
    *("account_key", "client_key", "_salt", "session_key", "app_key", "hmac"),
)
"""Parts of names that say that what is named is secret; in small letters."""
_NAMES: Final = "|".join(re.escape(word) for word in sorted(WORDS, key=len, reverse=True))
_NAME: Final = rf"[\w.$-]{{0,64}}(?:{_NAMES})[\w.-]{{0,32}}"
_QUOTED: Final = r""""(?P<d>(?:[^"\\\n]|\\.){1,8192})"|'(?P<s>(?:[^'\\\n]|\\.){1,8192})'"""
_BARE: Final = r"""(?P<bare>[^\s"'`,;{}\[\]()<>|&][^\s"',;<>]{0,8191})"""
_SET: Final = r"""["'\])]{0,3}[ \t]{0,16}(?:=>|:=|\?=|=|:(?=[ \t"']))[ \t]{0,16}"""
_QUOTED_VALUE: Final = re.compile(rf"(?i)(?P<name>{_NAME}){_SET}(?:{_QUOTED})")
_ANY_VALUE: Final = re.compile(rf"(?i)(?P<name>{_NAME}){_SET}(?:{_QUOTED}|{_BARE})")
_BLANK: Final = re.compile(rf"(?i)[ \t]*(?P<name>{_NAME})[ \t]+(?:{_QUOTED}|{_BARE});?[ \t]*(?=\n|$)")
_BLANK_QUOTED: Final = re.compile(rf"(?i)(?P<name>{_NAME})[ \t]+(?:{_QUOTED}|(?P<bare>(?!)))")
_SETS: Final = re.compile(r"[:=]")
_ANYTHING: Final = re.compile(
    rf"(?i)(?<![\w.-])(?P<name>[\w.-]{{1,64}}){_SET}(?:{_QUOTED}|(?P<bare>[^\s\"'`,;{{}}\[\]()<>|&]{{8,8192}}))"
)
_NO_SECRET: Final = re.compile(
    r"(?i)(?:files?|paths?|dir(?:ectory)?|ur[li]s?|endpoint|names?|ttl|lifetime|expir\w*|age|days|length|len|size|types?"
    r"|kind|[_-]ids?|algo\w*|headers?|fields?|hint|labels?|policy|min|max|counts?|limit|timeout|enabled?|required|allowed"
    r"|ref|env|prefix|suffix|format|regex|pattern|prompt|command|cmd|class|method|scopes?|host|port|user(?:name)?|e?mail"
    r"|version|authentication|authenticator|manager|provider|store|rotation|reset|change[sd]?|strength|encoding|(?:to)?hash(?:ed|es|ing|er)?s?"
    r"|index|public[_-]?key|separator|param(?:eter)?s?|validators?|created|updated|_at|_by|status|state|title|description|help)$"
)
"""Names that speak of a secret and are none: where it is, how long it may be."""
SHORTEST: Final = 8
"""Characters of a value that is looked at whatever its name."""
LONGEST: Final = 8_448
"""Characters of a name with what it is given."""


def assigned(text: str, lower: str, *, configuration: bool) -> Iterator[Candidate]:
    """What the telling names of a text are given: in configuration quoted or bare, in programs only what is quoted."""
    pattern = _ANY_VALUE if configuration else _QUOTED_VALUE
    found = {start: pattern.match(text, start, end) for start, end in _names(text, lower)}
    blank = _blank(text, lower, found) if configuration else ()
    for match in (*(match for match in found.values() if match), *blank):
        if not _NO_SECRET.search(match["name"]):
            yield _candidate(match)


def random_values(text: str) -> Iterator[Candidate]:
    """Every value of a configuration that is long enough to be a secret, whatever its name."""
    for match in _ANYTHING.finditer(text):
        found = _candidate(match, Grade.PERHAPS)
        if len(found.value.value) >= SHORTEST:
            yield found


def _blank(text: str, lower: str, starts: Iterable[int]) -> Iterator[re.Match[str]]:
    """Values that stand behind a blank, in lines that set nothing in another way."""
    for line in sorted({_line_start(lower, start) for start in starts} - {-1}):
        end = _line_end(lower, line)
        if end - line <= LONGEST and not _SETS.search(text, line, end):
            match = _BLANK.match(text, line, end) or _BLANK_QUOTED.search(text, line, end)
            yield from (match,) if match else ()


def _candidate(match: re.Match[str], grade: Grade = Grade.LIKELY) -> Candidate:
    part = next(part for part in ("d", "s", "bare") if match[part] is not None)
    return Candidate("secret", Secret(match[part]), match.start(part), match["name"].strip(".-$"), grade)


def _names(text: str, lower: str) -> Iterator[tuple[int, int]]:
    """Where names begin that have a telling word in them, each once, and how far what they are given may go."""
    starts: set[int] = set()
    for word in WORDS:
        at = lower.find(word)
        while at >= 0:
            starts.add(_beginning(text, at))
            at = lower.find(word, at + len(word))
    for start in sorted(starts):
        yield start, min(_line_end(lower, start), start + LONGEST)


def _beginning(text: str, at: int) -> int:
    """Where the name begins that has this place in it."""
    start, least = at, max(0, at - 64)
    while start > least and (text[start - 1].isalnum() or text[start - 1] in "_.$-"):
        start -= 1
    return start


def _line_end(text: str, at: int) -> int:
    """Where a line ends, or some way on where it is longer than anything that is looked at."""
    further = min(len(text), at + LONGEST + 1)
    end = text.find("\n", at, further)
    return further if end < 0 else end


def _line_start(text: str, at: int) -> int:
    """Where a line begins; -1 where it is longer than anything that is looked at."""
    least = max(0, at - LONGEST)
    start = text.rfind("\n", least, at)
    return start + 1 if start >= 0 or least == 0 else -1
