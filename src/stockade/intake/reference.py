"""The page that tells every action, and for each source which of its events is which action: made from the tables.

::

    python -m stockade.intake.reference docs/reference/actions.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from stockade.actions import VOCABULARY
from stockade.intake.formats import FORMATS
from stockade.intake.tables import Table, names, table

HEAD = """\
# Actions

What happens, here and in the systems that Stockade [takes in](../how-to/take-in-logs.md), is said in these words: first
the actions, class by class as a responder reviews them, then for each source which of its events is which action. What
has no word is `unknown`, and is kept whole. This page is made from the code.

## The vocabulary
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_vocabulary(), *_formats(), *(line for name in names() for line in _table(table(name)))])


def _vocabulary() -> Iterator[str]:
    for behaviour, actions in VOCABULARY.items():
        yield f"### {behaviour[0].upper()}{behaviour[1:]}\n"
        yield "| action | means that |\n|---|---|"
        yield from (f"| `{action}` | {meaning} |" for action, meaning in actions.items())
        yield ""


def _formats() -> Iterator[str]:
    yield "## The formats\n"
    yield "| format | reads | by the tables |\n|---|---|---|"
    for format in FORMATS.values():
        tables = ", ".join(f"[{name}](#{_anchor(table(name))})" for name in format.tables)
        yield f"| `{format.name}` | {format.title} | {tables} |"
    yield "| `json` | any JSON lines | of a mapping file |\n"


def _table(found: Table) -> Iterator[str]:
    yield f"## {_heading(found)}\n"
    yield f"{found.title}. Names count in lower case; `*` stands for any text.\n"
    yield "| action | outcome | their names |\n|---|---|---|"
    for row in found.rows:
        theirs = ", ".join(f"`{name}`" for name in row.names)
        yield f"| `{row.meaning.action}` | {row.meaning.outcome} | {theirs} |"
    yield ""


def _heading(found: Table) -> str:
    return f"Table {found.name.replace('_', ' ')}"


def _anchor(found: Table) -> str:
    return _heading(found).lower().replace(" ", "-")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference())
