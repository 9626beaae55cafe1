"""One command for each verb; thin over :class:`stockade.app.Stockade`."""

from __future__ import annotations

import gc
import sys
from typing import Final, NoReturn

from stockade.cli.exits import Exit, exit_of
from stockade.cli.screen import complain
from stockade.errors import StockadeError

YOUNG: Final = 50_000
"""How many new objects there are before cycles are looked for. A start makes that many, and keeps them all: looking
every 700, as Python does, takes a seventh of its time.
"""


def main() -> NoReturn:
    """The command `stockade`. Exits with a code of :class:`stockade.cli.exits.Exit`; never shows a traceback for what
    was foreseen.
    """
    gc.set_threshold(YOUNG)
    try:
        _run()
    except StockadeError as error:
        complain(error)
        sys.exit(exit_of(error))
    except ModuleNotFoundError as error:
        _tell_what_is_missing(error)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.DONE)
    sys.exit(Exit.DONE)


def _run() -> None:
    """Run a command. Those of ``stockade ssh`` are run for every connection, and wait for no other to be loaded."""
    if sys.argv[1:2] == ["ssh"]:
        from stockade.cli.ssh import ssh

        ssh(sys.argv[2:], prog_name="stockade ssh")
    else:
        from stockade.cli.commands import app

        app()


def _tell_what_is_missing(error: ModuleNotFoundError) -> NoReturn:
    """The library needs nothing but Python, and may be installed alone; its command is made of more."""
    name = (error.name or "stockade").partition(".")[0]
    if name == "stockade":
        raise error
    sys.stderr.write(f"stockade: the command needs {name}, which is not installed; the library alone does not.\n")
    sys.stderr.write("  Where Stockade came from, install all of it: pip install '.[server]', or 'stockade[server]'.\n")
    sys.exit(Exit.USAGE)
