"""One text, looked through: what in it is a secret, how sure that is, and why it may be none."""

from __future__ import annotations

import re
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from stockade.events import Secret
from stockade.host.secrets import harmless, keys, known
from stockade.host.secrets.assigned import assigned, random_values
from stockade.host.secrets.found import Candidate, Fingerprint, Grade, Owner, Place, Sighting
from stockade.host.secrets.patterns import formats

RANDOM: Final = 4.3
"""Bits of entropy a character, from which on a text in base 64 is taken for random (as detect-secrets does)."""
_CODED: Final = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w+/=.~!@#%^-]{12,}")
RANDOM_HEX: Final = 3.0
CODED: Final = 3.2
"""The same for what a telling name is given in a program: words have less."""
_CONFIGURATION: Final = re.compile(
    r"(?i)\.(?:toml|ya?ml|json|ini|cfg|conf|cnf|config|properties|env|envrc|tf|tfvars|tfstate|hcl|xml|service|sh|bash|zsh|credentials"
    r"|secret|rc|yml|sql|j2|local|production|plist)$|(?:^|/)(?:\.env[\w.-]*|\.[\w-]*rc|gitlab\.rb|Dockerfile[\w.-]*|Makefile|environment"
    r"|crontab|credentials|\.my\.cnf|\.htpasswd|\.git/config|config)$|^/?etc/(?!.*\.\w+$)|(?:^|/)docker-compose[\w.-]*$|^environment:"
)


@lru_cache(maxsize=4096)
def is_configuration(path: str) -> bool:
    """Whether a file is one in which values stand without quotation marks, and every one may be a secret."""
    return bool(_CONFIGURATION.search(path.lower() if path.startswith("/etc") else path))


@dataclass(frozen=True, slots=True)
class Scanner:
    """Looks through texts under one key. ``now`` is in seconds since the epoch, for tokens that end by themselves;
    ``known`` are fingerprints of what was found before, which is found again whatever it is called.
    """

    fingerprint: Fingerprint
    owner: Owner
    now: float
    known: frozenset[str] = frozenset()

    def look(self, text: str, path: str, *, whole: bool = True, below: str = "") -> Iterator[Candidate]:
        """The candidates of a text, each thing once, and each with its grade; ``whole`` when the text is all of a file,
        ``below`` is its path below what was asked for: who asks for a folder of tests is told of what is in it.

        Raises NotAsNamed when a file that is known by name is not what the name says.
        """
        file, lower = known.file_at(path), text.lower()
        own = list(known.read(file, text)) if whole and file.reader != "lines" else []
        said = [each for form in formats() for each in form.found(text, lower)]
        configuration = is_configuration(path)
        told = list(assigned(text, lower, configuration=configuration))
        rest = [each for value in random_values(text) if (each := self._unnamed(value))] if configuration else []
        for each in _apart([*own, *said, *told, *rest]):
            yield self.judged(each, path, below or path)

    def _unnamed(self, each: Candidate) -> Candidate | None:
        """A value whose name says nothing: it counts when the directory or the log knows it, or when it is random."""
        if self._is_known(each.value.value):
            return replace(each, grade=Grade.CERTAIN)
        return each if _random(each) else None

    def _is_known(self, value: str) -> bool:
        """Whether the directory has it, or it was found before."""
        return bool(self.owner(value)) or (bool(self.known) and self.fingerprint(value) in self.known)

    def judged(self, each: Candidate, path: str, below: str) -> Candidate:
        """The candidate by its right name, and how sure it is."""
        kind, value = known.named(each, path), each.value.value
        if each.kind in {"private key", "PuTTY private key"} or "PRIVATE KEY-----" in value:
            each = replace(each, value=Secret(keys.plain(value)), kind=each.kind)
            why, grade = _of_key(value)
        elif each.kind == "JSON web token":
            why, grade = self._of_token(value)
        else:
            why, grade = _of_text(each, path)
        if grade is not Grade.NOTE and (of_path := harmless.by_path(below)) and not self._is_known(each.value.value):
            why, grade = of_path, Grade.NOTE
        return replace(each, kind=kind, grade=grade, why=why)

    def sighting(self, each: Candidate, place: Place) -> Sighting:
        """What is kept of a candidate: all but itself."""
        value = each.value.value
        refs = self.owner(value) if each.grade is not Grade.NOTE else ()
        return Sighting(self.fingerprint(value), each.kind, len(value), place, each.grade, each.why, refs)

    def _of_token(self, value: str) -> tuple[str, Grade]:
        try:
            end = keys.expires(value)
        except ValueError:
            return "it only looks like a JSON web token", Grade.NOTE
        return ("it has expired", Grade.NOTE) if end is not None and end < self.now else ("", Grade.CERTAIN)


def _of_key(value: str) -> tuple[str, Grade]:
    if not keys.is_key(value):
        return "there is no key in it", Grade.NOTE
    if keys.is_encrypted(value):
        return "encrypted: whoever has it needs its passphrase too", Grade.PERHAPS
    return "", Grade.CERTAIN


def _of_text(each: Candidate, path: str) -> tuple[str, Grade]:
    value = each.value.value
    if each.grade is Grade.CERTAIN:
        why = harmless.by_placeholder(value) or (harmless.by_value(value) if each.kind.endswith("in a URL") else "")
        return why, Grade.NOTE if why else Grade.CERTAIN
    if why := harmless.by_value(value):
        return why, Grade.NOTE
    if each.grade is Grade.PERHAPS:
        return "a random value whose name says nothing", Grade.PERHAPS
    if not is_configuration(path) and not (_CODED.fullmatch(value) and _entropy(value) >= CODED):
        return "words in a program", Grade.NOTE
    return "", Grade.LIKELY


def _random(each: Candidate) -> bool:
    value = each.value.value
    if harmless.is_hash(value, each.name) or harmless.by_value(value):
        return False
    if re.fullmatch(r"[0-9a-fA-F]+", value):
        return len(value) >= 32 and _entropy(value, hexadecimal=True) > RANDOM_HEX
    is_text = re.fullmatch(r"[A-Za-z0-9+/_=-]+", value) and re.search(r"\d", value) and re.search(r"[A-Z]", value)
    return bool(is_text) and len(value) >= 24 and _entropy(value) > RANDOM


def _entropy(value: str, *, hexadecimal: bool = False) -> float:
    """Shannon's entropy, in bits a character, as detect-secrets reckons it."""
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString, HexHighEntropyString

    plugin = HexHighEntropyString() if hexadecimal else Base64HighEntropyString()
    return plugin.calculate_shannon_entropy(value[:4096])


def _apart(found: Iterable[Candidate]) -> Iterator[Candidate]:
    """Each thing once: what comes first counts, and takes the name of what lies over it."""
    kept: list[Candidate] = []
    spans: list[tuple[int, int, int]] = []
    values: dict[str, int] = {}
    for each in found:
        end = each.at + len(each.value.value)
        other = values.get(each.value.value) if each.at < 0 else _over(spans, each.at, end)
        if other is None and each.value.value in values and kept[values[each.value.value]].at < 0:
            other = values[each.value.value]
        if other is None:
            values.setdefault(each.value.value, len(kept))
            if each.at >= 0:
                insort(spans, (each.at, end, len(kept)))
            kept.append(each)
        elif not kept[other].name:
            kept[other] = replace(kept[other], name=each.name)
    return iter(kept)


def _over(spans: list[tuple[int, int, int]], start: int, end: int) -> int | None:
    """Which of some spans that do not overlap one another overlaps another one."""
    at = bisect_right(spans, (start, end, len(spans)))
    near = [spans[place] for place in (at - 1, at) if 0 <= place < len(spans)]
    return next((number for first, last, number in near if start < last and first < end), None)
