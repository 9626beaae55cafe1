"""The report of an incident: sentences, each with the entries that show it, grouped by the functions of NIST CSF 2.0.

SP 800-61r3 tells incident response by those functions: govern, identify and protect prepare, detect, respond and
recover handle, and what is learnt goes back into identify (ID.IM).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stockade.events import Entry


class Function(StrEnum):
    """A function of the NIST Cybersecurity Framework 2.0, in the order in which a report is read."""

    DETECT = "Detect"
    IDENTIFY = "Identify"
    RESPOND = "Respond"
    RECOVER = "Recover"
    PROTECT = "Protect"
    GOVERN = "Govern"
    IMPROVE = "Improve"

    @property
    def says(self) -> str:
        """What stands under it, for who does not know the framework."""
        return _SAYS[self]


_SAYS = {
    Function.DETECT: "How it was noticed",
    Function.IDENTIFY: "What was touched, and what could have been reached",
    Function.RESPOND: "What was done to stop it",
    Function.RECOVER: "What was renewed and given back",
    Function.PROTECT: "What keeps it from happening again",
    Function.GOVERN: "Who decided and who approved",
    Function.IMPROVE: "What is not known, not done, and learnt",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One statement, and the entries (``origin#number``) that show it. Without any it is said by a person alone."""

    text: str
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """The sentences of one function."""

    function: Function
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report. ``facts`` are its first lines, ``summary`` what to read when there is no time for more.

    ``evidence`` are the entries that sentences name, in order; ``left_out`` how many of those are named and were not
    found. ``head`` says what the log was when it was read, so that anybody can check it against a copy.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    summary: tuple[Sentence, ...]
    sections: tuple[Section, ...]
    evidence: tuple[Entry, ...]
    left_out: int
    head: str


def named(sentences: Sequence[Sentence], sections: Sequence[Section]) -> list[str]:
    """The entries that a report names, each once, as they come."""
    said = [*sentences, *(sentence for section in sections for sentence in section.sentences)]
    return list(dict.fromkeys(entry for sentence in said for entry in sentence.entries))


def sections(told: Iterator[tuple[Function, Sentence]]) -> tuple[Section, ...]:
    """Sentences put under their functions; one that has none is left out."""
    gathered: dict[Function, list[Sentence]] = {function: [] for function in Function}
    for function, sentence in told:
        gathered[function].append(sentence)
    return tuple(Section(function, tuple(under)) for function, under in gathered.items() if under)
