"""One command for each verb; thin over :class:`stockade.app.Stockade`."""

from __future__ import annotations

import sys
from typing import NoReturn

from stockade.cli.commands import app
from stockade.cli.exits import Exit, exit_of
from stockade.cli.screen import complain
from stockade.errors import StockadeError


def main() -> NoReturn:
    """The command `stockade`. Exits with a code of :class:`stockade.cli.exits.Exit`; never shows a traceback for what
    was foreseen.
    """
    try:
        app()
    except StockadeError as error:
        complain(error)
        sys.exit(exit_of(error))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.DONE)
    sys.exit(Exit.DONE)
