"""A secret that can be used like any string and does not show itself by accident."""

from __future__ import annotations


class Secret(str):
    """A ``str`` whose repr hides it: tracebacks, logs of arguments and failed assertions say ``Secret(...)``.

    ``str.format``, ``print`` and concatenation give the plain value, because showing a new token once is what it is
    for.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(...)"
