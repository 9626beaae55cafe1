"""What every reader of flows is: lines go in, flows and refusals come out, in the order of the lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from stockade.host.traffic.flow import Flow
from stockade.lines.line import Unreadable
from stockade.lines.stamps import Dating

Read = Flow | Unreadable
Reader = Callable[[Iterable[str], Dating], Iterator[Read]]
Line = Callable[[str], Flow | None]
"""Reads one line; None for one that is no record, such as a heading. Raises Unreadable."""


def one_by_one(made: Callable[[Dating], Line]) -> Reader:
    """A reader for which each line stands for itself."""

    def read(lines: Iterable[str], dating: Dating) -> Iterator[Read]:
        line = made(dating)
        for text in lines:
            if text and not text.isspace():
                yield from attempted(line, text)

    return read


def attempted(line: Line, text: str) -> Iterator[Read]:
    """What a line is: a flow, a refusal, or nothing."""
    try:
        found = line(text)
    except Unreadable as refusal:
        yield refusal
    else:
        if found is not None:
            yield found
