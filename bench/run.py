"""Measures Stockade beside its peers, all in one run, and writes the table that the documentation shows.

``make bench``, or ``make bench ARGS="--quick --only decision"``.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # where the packages `bench` and `tests` are, in place of this directory

from bench.table import main  # noqa: E402  the path comes first

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
