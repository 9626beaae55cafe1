"""Names and values as configuration writes them, whatever its syntax: what a telling name is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
_NAME: Final = rf"(?<![\w.$-])[\w.$-]{{0,64}}(?:{_NAMES})[\w.-]{{0,32}}"
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
LONGEST_LINE: Final = 65_536
"""Characters of a line that are looked at; what is longer is looked at in pieces."""


def assigned(text: str, lower: str, *, configuration: bool) -> Iterator[Candidate]:
    """What the telling names of a text are given: in configuration quoted or bare, in programs only what is quoted."""
    for start, end in _lines_with_words(lower):
        for match in _matches(text, start, end, configuration=configuration):
            if not _NO_SECRET.search(match["name"]):
                yield _candidate(match)


def random_values(text: str) -> Iterator[Candidate]:
    """Every value of a configuration that is long enough to be a secret, whatever its name."""
    for match in _ANYTHING.finditer(text):
        found = _candidate(match, Grade.PERHAPS)
        if len(found.value.value) >= SHORTEST:
            yield found


def _matches(text: str, start: int, end: int, *, configuration: bool) -> Iterator[re.Match[str]]:
    if not configuration:
        yield from _QUOTED_VALUE.finditer(text, start, end)
        return
    yield from _ANY_VALUE.finditer(text, start, end)
    if not _SETS.search(text, start, end):
        match = _BLANK.match(text, start, end) or _BLANK_QUOTED.search(text, start, end)
        yield from (match,) if match else ()


def _candidate(match: re.Match[str], grade: Grade = Grade.LIKELY) -> Candidate:
    part = next(part for part in ("d", "s", "bare") if match[part] is not None)
    return Candidate("secret", Secret(match[part]), match.start(part), match["name"].strip(".-$"), grade)


def _lines_with_words(lower: str) -> Iterator[tuple[int, int]]:
    """Where the lines are that have a telling word in them, each once, in order."""
    starts: set[int] = set()
    for word in WORDS:
        at = lower.find(word)
        while at >= 0:
            starts.add(max(lower.rfind("\n", 0, at) + 1, at - LONGEST_LINE))
            end = lower.find("\n", at)
            at = lower.find(word, end) if end >= 0 else -1
    for start in sorted(starts):
        end = lower.find("\n", start)
        yield start, len(lower) if end < 0 else end
