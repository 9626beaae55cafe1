"""Runs the sections one after another, prints every row as it comes, and writes the whole as a page."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from bench import machine
from bench.rows import Row
from bench.sections import SECTIONS, Section

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "speed.md"
MARKS = {True: "holds", False: "**misses**", None: ""}
OPENING = """\
# Speed

This page is written by `make bench`, which measures Stockade and its peers side by side in one run: everything that is
compared takes turns, round by round, so that a noisy moment falls on all of it. Trust the ratios, not the absolute
figures; they are from one machine, which was doing other things too.
"""


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; answers how the process ends: 0 also when a bar is missed, for a bar is no test."""
    options = _options(arguments)
    chosen = [s for s in SECTIONS if not options.only or s.name in options.only]
    began, about = time.monotonic(), f"{machine.description()}; {machine.load()} at the start"
    print(about)
    found = [(section, measured(section, quick=options.quick)) for section in chosen]
    minutes = (time.monotonic() - began) / 60
    missed = [row.title for _, rows in found for row in rows if row.passes is False]
    print(f"\n{minutes:.1f} minutes; " + (f"missed: {'; '.join(missed)}" if missed else "every bar holds"))
    if options.write:
        when = f"Measured on {about}; {time.strftime('%-d %B %Y')}, {minutes:.1f} minutes."
        part = bool(options.only) and options.write.exists()
        options.write.write_text(amended(options.write.read_text(), found, when) if part else page(found, when))
        print(f"written to {options.write}")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    names = [section.name for section in SECTIONS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, its figures mean little")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="where the page goes; a whole run writes it anyway,"
        " one of some sections puts them into the page that is there",
    )
    options = parser.parse_args(arguments)
    if options.write is None and not options.only and not options.quick:
        options.write = PAGE
    return options


def measured(section: Section, *, quick: bool) -> Sequence[Row]:
    """The rows of a section; where it fails, one row that says so."""
    print(f"\n{section.heading}", flush=True)
    try:
        rows = section.measure(quick=quick)
    except Exception as error:  # noqa: BLE001  the other sections are still worth having
        traceback.print_exc(file=sys.stderr)
        rows = [Row(section.name, "", f"could not be measured: {error}", passes=False)]
    for row in rows:
        print("  " + " | ".join(cell for cell in cells(row) if cell), flush=True)
    return rows


def cells(row: Row) -> list[str]:
    """A row's columns: what, the bar, what was measured, the ratio, whether the bar holds, and how."""
    ratio = "" if row.ratio is None else f"{row.ratio:.2f} ×"
    return [row.title, row.bar, row.measured, ratio, MARKS[row.passes], row.notes]


def page(found: Sequence[tuple[Section, Sequence[Row]]], when: str) -> str:
    """The page in Markdown."""
    return "\n".join([OPENING, when, "", *(f"## {section.heading}\n\n{lines(rows)}\n" for section, rows in found)])


def amended(old: str, found: Sequence[tuple[Section, Sequence[Row]]], when: str) -> str:
    """The page with these sections in the place of what they have shown before; each says when it was measured."""
    opening, *parts = old.rstrip("\n").split("\n## ")
    there = {part.partition("\n")[0]: part.rstrip("\n") for part in parts}
    there |= {section.heading: f"{section.heading}\n\n{when}\n\n{lines(rows)}" for section, rows in found}
    headings = [section.heading for section in SECTIONS]
    ordered = sorted(there, key=lambda heading: headings.index(heading) if heading in headings else len(headings))
    return "\n\n## ".join([opening.rstrip("\n"), *(there[heading] for heading in ordered)]) + "\n"


def lines(rows: Sequence[Row]) -> str:
    """A section's table."""
    told = ["| what | bar | measured | ratio | | how |", "|---|---|---|---|---|---|"]
    told += ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells(row)) + " |" for row in rows]
    return "\n".join(told)
