"""How ``Secret`` and ``Personal`` cross the recorder's socket: under a mark that nobody else can write.

::

    {"must":{…,"details":{"email":{"<mark>":["alice@example.org","stockade","user","alice"]}}},"mark":"<mark>"}

The mark is random, made by each program that reports, said beside the events and never written down. Whatever another
system has put into its own events cannot know it, and stays what it was.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any, Final

from stockade.audit.record import Script, body_of
from stockade.events import Event, Personal, Ref, Secret

MARK: Final = token_hex(16)


def _marked(value: object) -> object:
    if isinstance(value, Secret):
        return {MARK: [value.value]}
    if isinstance(value, Personal):
        return {MARK: [value.value, value.subject.system, value.subject.kind, value.subject.id]}
    return str(value)


_MARKED: Final = Script(_marked)
_HIDDEN: Final = Script(repr)


def carried(event: Event) -> bytes:
    """The event as a letter holds it. What is too long is shortened here, and then nothing that is marked is in it."""
    return body_of(event, _MARKED, _HIDDEN)


def restored(event: Event, mark: object) -> Event:
    """The event as it was before it was carried, where the letter said this mark; its details are changed in place.

    Raises TypeError for what is under the mark and is neither. However deep it is, it is looked through.
    """
    waiting: list[Any] = [event.details] if mark else []
    while waiting:
        inside = waiting.pop()
        for at, value in inside.items() if isinstance(inside, dict) else enumerate(inside):
            if isinstance(value, dict) and value.keys() == {mark}:
                inside[at] = _read(*value[mark])
            elif isinstance(value, dict | list):
                waiting.append(value)
    return event


def _read(text: str, *subject: str) -> Secret | Personal:
    return Personal(text, Ref(*subject)) if subject else Secret(text)
