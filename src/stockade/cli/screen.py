"""How things look in a terminal: calm, narrow enough, and safe from whatever a client may have sent."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from stockade.errors import StockadeError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from stockade.directory.accounts import Account

WIDTH: Final = 120
"""Columns where nobody looks: in a pipe or a file."""
WORDS: Final = 24
"""Columns that what a command does has at least."""
FOREVER: Final = 4_000_000_000.0
"""Bans that end later than this (seconds since the epoch, the year 2096) have no end."""


@cache
def console(*, stderr: bool = False) -> Console:
    """The terminal, plain where it is none; ``NO_COLOR`` is heeded (no-color.org)."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH
    return Console(stderr=stderr, width=width, highlight=False, emoji=False, markup=False, soft_wrap=False)


def safe(text: object) -> str:
    """Foreign text for a terminal: control characters, escape sequences and direction marks become visible escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def shown(text: object, style: str = "") -> Text:
    """Foreign text, safe, in a style of its own; what is added to it with ``+`` keeps another."""
    from rich.text import Text

    return Text().append(safe(text), style)


def say(*parts: RenderableType) -> None:
    """Print, each part on lines of its own."""
    for part in parts:
        console().print(part)


def say_json(value: object) -> None:
    """Print as JSON, ASCII only, dataclasses as objects."""
    sys.stdout.write(json.dumps(plain(value), indent=2, default=str) + "\n")


def plain(value: Any) -> Any:
    """What JSON says of it: dataclasses and named tuples as objects."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "_asdict"):
        return value._asdict()
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def complain(error: StockadeError) -> None:
    """Say what went wrong and what to do, on standard error."""
    from rich.text import Text

    text = Text("stockade: ", "red").append(safe(error.message), "bold")
    console(stderr=True).print(text)
    if error.remedy:
        console(stderr=True).print(Text(f"  {safe(error.remedy)}"))


def table(*columns: str) -> Table:
    """An open table: a dim heading, no lines; what is too long folds, nothing is cut off."""
    from rich.table import Table

    made = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def pairs(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Names and values, one below the other."""
    from rich.table import Table

    made = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def heading(text: str) -> None:
    """A line of its own above what follows."""
    from rich.text import Text

    say("", Text(text, "bold"))


def hints(*rows: tuple[str, str]) -> Table:
    """What to type next, each after what it does; where both have no room, what it does is what goes on below."""
    from rich.table import Table

    longest = max((len(command) for _, command in rows), default=0)
    made = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    made.add_column(style="dim", overflow="fold")
    made.add_column(min_width=min(longest, console().width - WORDS), overflow="fold")
    for does, command in rows:
        made.add_row(shown(does), shown(command, "bold cyan"))
    return made


# ── times and numbers ────────────────────────────────────────────────────────────────────────────

_SPANS: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def span(seconds: float) -> str:
    """A length of time as somebody would say it: ``57 min``, ``1 h 3 min``, ``12 s``."""
    rest = max(0, round(seconds))
    unit, size = next(((unit, size) for unit, size in _SPANS if rest >= size), ("s", 1))
    count, rest = divmod(rest, size)
    smaller = next(((u, s) for u, s in _SPANS if s < size), None)
    if smaller is None or count >= 10 or rest < smaller[1]:
        return f"{count} {unit}"
    return f"{count} {unit} {rest // smaller[1]} {smaller[0]}"


def clock_time(moment: float, now: float) -> str:
    """A moment in local time, with its date unless it is within a day."""
    local = datetime.fromtimestamp(moment).astimezone()
    return f"{local:%H:%M:%S}" if abs(moment - now) < 86_400 else f"{local:%Y-%m-%d %H:%M}"


def until(moment: float, now: float) -> str:
    """When something ends: ``in 57 min, 15:03:10``, or ``never``."""
    return "never" if moment > FOREVER else f"in {span(moment - now)}, {clock_time(moment, now)}"


def standing(account: Account, now: float, *, out: str = "bold red", in_: str = "", otherwise: str = "active") -> Text:
    """Whether an account is shut out, and until when; ``otherwise`` when it is not."""
    from stockade.directory.standing import shut_out_as

    word = shut_out_as(account, now)
    lapses = f" until {clock_time(account.locked, now)}" if word == "locked" and account.locked is not None else ""
    return shown(f"{word}{lapses}" or otherwise, out if word else in_)


def since(moment: float, now: float) -> str:
    """When something began: ``3 min ago, 14:03:10``."""
    return f"{span(now - moment)} ago, {clock_time(moment, now)}"


def plural(count: int, one: str, many: str = "") -> str:
    """``1 ban``, ``2 bans``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def joined(parts: Sequence[str]) -> str:
    """Those that are not empty, with semicolons."""
    return "; ".join(part for part in parts if part)
