"""A report as text: Markdown for a tracker, and the source of a PDF for Typst. What strangers wrote stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape
from typing import Final

from stockade.events import Entry
from stockade.respond.report import Report, Section, Sentence

SHOWN: Final = 12
"""Entries that stand behind one sentence; the others are counted."""
_SPECIAL: Final = re.compile(r"([\\`*_\[\]|~]|^[-+#])")


def moment(time: float) -> str:
    """A moment, UTC, to the second."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}"


def line(entry: Entry) -> tuple[str, str, str, str]:
    """An entry for a table: when, who, what, to what."""
    event = entry.event
    outcome = "" if event.outcome == "success" else f" ({event.outcome})"
    who = str(event.actor or "") + (f" from {event.source}" if event.source else "")
    return moment(event.time), who, event.action + outcome, str(event.target or "")


def anchors(report: Report) -> dict[str, str]:
    """A short mark for each entry that is shown: ``e1``, ``e2`` …"""
    return {str(entry): f"e{number}" for number, entry in enumerate(report.evidence, 1)}


# ── Markdown ─────────────────────────────────────────────────────────────────────────────────────


def markdown(report: Report) -> str:
    """The report in CommonMark; every entry named is a link to its line at the end."""
    marks = anchors(report)
    parts = [
        f"# {_plain(report.title)}",
        "\n".join(f"- **{_plain(name)}:** {_plain(value)}" for name, value in report.facts),
        *_paragraphs(report.summary, marks),
        *(_section(section, marks) for section in report.sections),
        "## Evidence",
        "\n".join(_evidence(report, marks)),
        _plain(report.head),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: Section, marks: dict[str, str]) -> str:
    heading = f"## {section.function.value}: {section.function.says[0].lower()}{section.function.says[1:]}"
    return "\n\n".join([heading, "\n".join(f"- {each}" for each in _paragraphs(section.sentences, marks))])


def _paragraphs(sentences: Iterable[Sentence], marks: dict[str, str]) -> list[str]:
    return [_plain(sentence.text) + _links(sentence, marks) for sentence in sentences]


def _links(sentence: Sentence, marks: dict[str, str]) -> str:
    shown = [f"[{_number(entry)}](#{marks[entry]})" for entry in sentence.entries[:SHOWN] if entry in marks]
    rest = len(sentence.entries) - len(shown)
    more = [f"and {rest} more"] if rest else []
    return f" ({', '.join(shown + more)})" if shown else ""


def _evidence(report: Report, marks: dict[str, str]) -> Iterator[str]:
    yield "| entry | when (UTC) | who | what | to what |"
    yield "| --- | --- | --- | --- | --- |"
    for entry in report.evidence:
        cells = " | ".join(_plain(cell) for cell in line(entry))
        yield f'| <a id="{marks[str(entry)]}"></a>{_plain(str(entry))} | {cells} |'
    if report.left_out:
        yield f"\n{report.left_out} more entries are named above and not shown here."


def _plain(text: str) -> str:
    """A text that means nothing to Markdown nor to HTML, in one line."""
    return _SPECIAL.sub(r"\\\1", escape(" ".join(_printable(text).split()), quote=False))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\u{ord(char):04x}" for char in text)


def _number(entry: str) -> str:
    return "#" + entry.rpartition("#")[2]


# ── Typst ────────────────────────────────────────────────────────────────────────────────────────

_STYLE: Final = """
#set page(paper: "a4", margin: (x: 2.2cm, y: 2.4cm), numbering: "1 / 1")
#set text(size: 10pt, lang: "en")
#set par(justify: false, leading: 0.62em)
#show heading.where(level: 1): it => block(below: 0.9em, text(size: 17pt, it.body))
#show heading.where(level: 2): it => block(above: 1.6em, below: 0.7em, text(size: 12pt, fill: rgb("#1f4e79"), it.body))
#show link: it => text(fill: rgb("#1f4e79"), it)
"""


def typst(report: Report) -> str:
    """The source of a PDF. Every text stands in a string, so that none of it is taken for a command."""
    marks = anchors(report)
    parts = [
        _STYLE,
        f"= #{_string(report.title)}",
        _facts(report),
        *(_typst_sentence(sentence, marks) for sentence in report.summary),
        *(_typst_section(section, marks) for section in report.sections),
        "== Evidence",
        _typst_evidence(report, marks),
        f"#text(size: 8pt, fill: luma(90), {_string(report.head)})",
    ]
    return "\n\n".join(parts) + "\n"


def _facts(report: Report) -> str:
    cells = ", ".join(f"text(fill: luma(90), {_string(name)}), {_string(value)}" for name, value in report.facts)
    return f"#grid(columns: (auto, 1fr), column-gutter: 1.2em, row-gutter: 0.6em, {cells})"


def _typst_section(section: Section, marks: dict[str, str]) -> str:
    heading = f'== #{_string(section.function.value)} #h(0.6em) #text(weight: "regular", fill: luma(90), '
    said = "\n".join(f"- {_typst_sentence(sentence, marks)}" for sentence in section.sentences)
    return f"{heading}{_string(section.function.says)})\n\n{said}"


def _typst_sentence(sentence: Sentence, marks: dict[str, str]) -> str:
    shown = [
        f"#link(label({_string(marks[entry])}), {_string(_number(entry))})"
        for entry in sentence.entries[:SHOWN]
        if entry in marks
    ]
    rest = len(sentence.entries) - len(shown)
    more = [f"#{_string(f'and {rest} more')}"] if rest else []
    tail = f" #text(size: 8pt)[(#h(0pt){', '.join(shown + more)})]" if shown else ""
    return f"#{_string(sentence.text)}{tail}"


def _typst_evidence(report: Report, marks: dict[str, str]) -> str:
    rows = [_typst_row(entry, marks[str(entry)]) for entry in report.evidence]
    heads = ", ".join(f"[*{head}*]" for head in ("entry", "when (UTC)", "who", "what", "to what"))
    columns = "columns: (auto, auto, 1fr, auto, 1fr), stroke: 0.4pt + luma(200)"
    table = f"#text(size: 7.5pt)[#table({columns}, {heads}, {', '.join(rows)})]"
    more = (
        f"#{_string(f'{report.left_out} more entries are named above and not shown here.')}" if report.left_out else ""
    )
    return f"{table}\n\n{more}"


def _typst_row(entry: Entry, mark: str) -> str:
    cells = ", ".join(f"[#{_string(cell)}]" for cell in line(entry))
    return f"[#{_string(_number(str(entry)))} #metadata(none) #label({_string(mark)})], {cells}"


def _string(text: str) -> str:
    """A string literal of Typst; ``label()`` and content take it as it is."""
    escaped = _printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
