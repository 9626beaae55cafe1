"""A head to be written down on paper: six groups of five letters, each of which checks itself.

Letters are those of Crockford's Base32, without I, L, O and U; small ones, and I, L and O for 1, 1 and 0, are read as
meant. Four letters of a group are twenty bits of the head, so that six are 120 of its 256: nobody can make other
evidence of the same phrase. The fifth is made of the four, each by an odd weight, and of the group's place: one wrong
letter, or two groups in the wrong order, are noticed, and the group is named.
"""

from __future__ import annotations

from typing import Final

from stockade.errors import ConfigurationError

LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS: Final = 6
_WEIGHTS: Final = (1, 3, 5, 7)
_MEANT: Final = str.maketrans("ILO", "110", " -·\t\n")


def phrase(head: str) -> str:
    """The phrase of a head, the SHA-256 in hexadecimal: ``7K2MQ-9QX4T-0B3ZD-RW8PY-5NFG6-H7K2M``."""
    number = int(head, 16) >> 256 - 20 * GROUPS
    return "-".join(_group(place, number >> 20 * (GROUPS - 1 - place) & 0xFFFFF) for place in range(GROUPS))


def heard(written: str) -> str:
    """What somebody has written down, as ``phrase`` writes it. Raises ConfigurationError naming the wrong group."""
    letters = written.upper().translate(_MEANT)
    if len(letters) != 5 * GROUPS:
        raise ConfigurationError(
            f"the head has {len(letters)} letters, and should have {5 * GROUPS}", remedy="Six groups of five letters."
        )
    groups = [letters[at : at + 5] for at in range(0, len(letters), 5)]
    for place, group in enumerate(groups):
        if set(group) - set(LETTERS) or _group(place, _number(group[:4])) != group:
            raise ConfigurationError(
                f"group {place + 1} of the head, {group}, does not fit itself", remedy="Look for a wrong letter in it."
            )
    return "-".join(groups)


def _group(place: int, number: int) -> str:
    letters = [number >> shift & 31 for shift in (15, 10, 5, 0)]
    check = (place + sum(weight * letter for weight, letter in zip(_WEIGHTS, letters, strict=True))) % 32
    return "".join(LETTERS[each] for each in (*letters, check))


def _number(group: str) -> int:
    number = 0
    for letter in group:
        number = number << 5 | LETTERS.index(letter)
    return number
