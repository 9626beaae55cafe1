"""A head as words, to be read over the telephone or written on paper.

Sixteen bits become a word of five letters, consonant and vowel in turn, as in "A Proposal for Proquints"
(D. S. Wilkerson, arXiv:0901.4016): 127.0.0.1 is ``lusab babad``. A root is sixteen such words; a seventeenth checks the
origin, the size and the root, so that one wrong letter does not look like tampering::

    stockade.example/node1
    709
    dajuh tokiv bizav gutuk
    …
    check rifon
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.merkle import HASH_SIZE
from stockade.errors import ConfigurationError

CONSONANTS: Final = "bdfghjklmnprstvz"
VOWELS: Final = "aiou"
_PLACES: Final = ((CONSONANTS, 12), (VOWELS, 10), (CONSONANTS, 6), (VOWELS, 4), (CONSONANTS, 0))


def spoken(data: bytes) -> list[str]:
    """Two octets a word."""
    numbers = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    return ["".join(letters[number >> shift & len(letters) - 1] for letters, shift in _PLACES) for number in numbers]


def heard(words: list[str]) -> bytes:
    """The octets again. Raises ConfigurationError at what is no word of ours."""
    return b"".join(_number(word.lower()).to_bytes(2, "big") for word in words)


def said(head: Checkpoint) -> str:
    """A head in lines that a person can write down."""
    words = spoken(head.root)
    rows = [" ".join(words[at : at + 4]) for at in range(0, len(words), 4)]
    return "\n".join([head.origin, str(head.size), *rows, f"check {_check(head)}"]) + "\n"


def understood(text: str) -> Checkpoint:
    """The head that somebody has written down. Raises ConfigurationError where it was written wrongly."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(lines) < 4 or not lines[1].isdecimal() or not lines[-1].startswith("check "):
        remedy = "Write the origin, the size, sixteen words, and `check` with the last word."
        raise ConfigurationError("this is not a head that was written down", remedy=remedy)
    root = heard(" ".join(lines[2:-1]).replace("-", " ").split())
    head = Checkpoint(lines[0], int(lines[1]), root)
    if len(root) != HASH_SIZE or lines[-1].removeprefix("check ").strip().lower() != _check(head):
        raise ConfigurationError("the last word does not fit the others", remedy="Look for a wrong letter.")
    return head


def _check(head: Checkpoint) -> str:
    return spoken(sha256(head.text.encode()).digest()[:2])[0]


def _number(word: str) -> int:
    if len(word) != len(_PLACES) or any(
        letter not in letters for letter, (letters, _) in zip(word, _PLACES, strict=True)
    ):
        raise ConfigurationError(f"{word!r} is no word of a head", remedy="Look for a wrong letter.")
    return sum(letters.index(letter) << shift for letter, (letters, shift) in zip(word, _PLACES, strict=True))
