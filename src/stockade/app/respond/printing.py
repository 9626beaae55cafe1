"""A report as a PDF, set by Typst, which brings its own fonts; it reads no file and asks nobody."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from stockade.respond.report import Report
from stockade.respond.written import typst


def printed(report: Report) -> bytes:
    """The PDF."""
    import typst as setter

    with TemporaryDirectory() as alone:
        source = Path(alone) / "report.typ"
        source.write_text(typst(report))
        return setter.compile(str(source), root=alone)
