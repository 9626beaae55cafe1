"""The reference of every command, written from the commands themselves: ``python -m stockade.cli.reference``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

from typer.main import get_command

from stockade.cli.commands import app
from stockade.cli.exits import MEANINGS

HEAD: Final = """\
# Every command

`stockade COMMAND --help` says the same in a terminal. Every list has `--json`, for scripts. Output is plain where it is
no terminal, and with `NO_COLOR`; whatever a client may have sent is shown with its control characters escaped. Errors
go to standard error: what happened, and what to do about it.

## Exit codes

| code | meaning |
|---|---|
"""


def reference() -> str:
    """The whole page."""
    codes = "\n".join(f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items())
    return "\n".join([HEAD + codes + "\n", *_commands(get_command(app), "stockade")])


def _commands(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield from _command(command, f"{path} {name}")


def _command(command: Any, path: str) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    yield f"## `{' '.join([path, *map(_argument, arguments)])}`\n"
    yield cleandoc(command.help or "") + "\n"
    rows = [(f"`{_argument(p)}`", p.help) for p in arguments]
    rows += [(f"`{', '.join(p.opts)}{_takes(p)}`", p.help) for p in options]
    if rows:
        yield "| | |\n|---|---|"
        yield from (f"| {what} | {_cell(means or '')} |" for what, means in rows)
        yield ""


def _argument(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name.rstrip("_").upper())
    name += "…" if parameter.nargs == -1 else ""
    return name if parameter.required else f"[{name}]"


def _takes(parameter: Any) -> str:
    return "" if parameter.is_flag else f" {parameter.metavar or parameter.name.rstrip('_').upper()}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
    else:
        sys.stdout.write(reference())
