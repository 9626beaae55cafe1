"""The tutorial and the how-to for applications do what they say, and no page leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stockade.audit.log import AuditLog
from stockade.audit.sinks.attributes import set_append_only
from stockade.events import Event
from tests.documents.reader import Reader, page, sections
from tests.servers.ceph import Ceph
from tests.source_tree import ROOT

LIBRARY = sections(page("docs/how-to/library.md"))
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#([^)]*))?\)")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_a_sign_in_is_protected_in_five_minutes(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page("docs/tutorial/five-minutes.md"))


@pytest.mark.parametrize("heading", LIBRARY)
def test_an_application_is_protected_as_the_how_to_says(heading: str, tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(LIBRARY[heading])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_page_and_to_a_heading_of_it(path: Path) -> None:
    for target, heading in LINK.findall(path.read_text()):
        found = path.parent / target
        assert found.exists(), target
        if heading:
            assert heading in {_anchor(line) for line in found.read_text().splitlines() if line.startswith("#")}, target


def _anchor(line: str) -> str:
    words = re.sub(r"[^\w\s-]", "", line.lstrip("# ").lower())
    return words.strip().replace(" ", "-")


def test_a_log_is_sealed_into_a_store_that_cannot_forget(tmp_path: Path, ceph: Ceph) -> None:
    with Reader(tmp_path, port=int(ceph.endpoint.rpartition(":")[2])) as reader:
        reader.follow(page("docs/tutorial/seal-a-log.md"))


@pytest.mark.parametrize("heading", ["HTTPS", "A file that can only grow"])
def test_a_log_is_carried_as_the_how_to_says(heading: str, tmp_path: Path) -> None:
    AuditLog.create(tmp_path / "log", tmp_path / "signer", origin="audit.example.com/node1")
    with AuditLog(tmp_path / "log", tmp_path / "signer") as log:
        for number in range(500):
            log.offer(Event(1_800_000_000.0, "token.create", details={"n": number}))
    with Reader(tmp_path) as reader:
        reader.follow(sections(page("docs/how-to/carry-the-log-away.md"))[heading])
    for copy in tmp_path.glob("copy.jsonl"):
        with copy.open("rb") as file:
            set_append_only(file.fileno(), on=False)


def test_a_log_is_searched_as_the_how_to_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page("docs/how-to/search-the-log.md"))


@pytest.mark.parametrize("name", ["require-a-second-factor", "git-over-ssh", "let-applications-in"])
def test_second_factors_and_keys_are_set_up_as_the_how_to_says(name: str, tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page(f"docs/how-to/{name}.md"))


def test_evidence_is_saved_as_the_how_to_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page("docs/how-to/save-evidence.md"))
    for kept in [each for each in (tmp_path / "usb").rglob("*") if each.is_file()]:
        with kept.open("rb") as file:
            set_append_only(file.fileno(), on=False)
