"""The page on traffic comes true, command by command."""

from __future__ import annotations

from pathlib import Path

from tests.documents.reader import Reader, page


def test_traffic_is_reviewed_as_the_how_to_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.exported["STOCKADE_STATE"] = str(tmp_path / "state")
        reader.follow(page("docs/how-to/review-traffic.md"))
        recorded = reader._run("stockade search action:finding.create")
    assert "203.0.113.9:443" in recorded
    assert "203.0.113.77:8443" in recorded
