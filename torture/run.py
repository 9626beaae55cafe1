"""Tampers with a log in every known way, and kills its writer a thousand times: ``make torture``."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from torture.killing import killed  # noqa: E402  the path comes first
from torture.tampering import MATRIX, attempted  # noqa: E402


def main() -> int:
    """0 when everything is found and named and nothing is lost."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000, help="how often the writer is killed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stockade-torture-") as folder:
        missed = tampered(Path(folder))
        began = time.monotonic()
        print(f"\nkill -9 while appending, {options.kills:,} times", flush=True)
        answered, size = killed(
            _made(Path(folder) / "kills"), options.kills, tell=lambda said: print(f"  {said}", flush=True)
        )
        minutes = (time.monotonic() - began) / 60
        print(f"  {answered:,} events answered, all among {size:,} entries; no false alarm; {minutes:.1f} minutes")
    print("\n" + (f"not found or not named: {', '.join(missed)}" if missed else "everything is found and named"))
    return 1 if missed else 0


def tampered(place: Path) -> list[str]:
    """Print the matrix; answers what was not found, or not named."""
    print(f"| {'what is done':<42} | {'found by':<42} | what is said |\n|---|---|---|", flush=True)
    missed = []
    for number, row in enumerate(MATRIX):
        said = attempted(row, _made(place / str(number)))
        if not re.search(row.named, said):
            missed.append(row.name)
        print(f"| {row.name:<42} | {row.found_by:<42} | {said or '**nothing**'} |", flush=True)
    return missed


def _made(place: Path) -> Path:
    place.mkdir()
    return place


if __name__ == "__main__":
    sys.exit(main())
