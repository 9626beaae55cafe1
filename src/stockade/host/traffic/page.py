"""A review as one page that stands for itself: no script, nothing from elsewhere, and all that is foreign escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any, Final

from stockade.host.oddity import Oddity
from stockade.host.traffic.plot import printable, svg
from stockade.host.traffic.reviewing import Review
from stockade.host.traffic.signals.saying import clock, length, many

STYLE: Final = """\
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #1e293b; background: #f8fafc }
body { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { font-size: 1.6rem; margin: 0 0 .25rem } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.lead { color: #475569; margin: 0 0 1.5rem }
article { background: #fff; border: 1px solid #e2e8f0; border-left: 6px solid #94a3b8; border-radius: 8px;
  padding: 1rem 1.25rem; margin: 0 0 1rem; overflow-wrap: anywhere }
article.critical, article.high { border-left-color: #b91c1c } article.medium { border-left-color: #d97706 }
article.low { border-left-color: #0891b2 }
article h3 { font-size: 1rem; margin: 0 0 .25rem } .signs { color: #64748b; font-size: .85rem; margin: 0 0 .5rem }
.level { display: inline-block; font-size: .75rem; font-weight: 700; text-transform: uppercase; padding: .1rem .5rem;
  border-radius: 4px; color: #fff; background: #64748b; margin-right: .5rem }
.critical .level, .high .level { background: #b91c1c } .medium .level { background: #b45309 }
.low .level { background: #0e7490 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: .5rem 0 0; font-size: .92rem }
dt { color: #64748b } dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
code { font: .88rem ui-monospace, monospace; background: #f1f5f9; padding: .1rem .3rem; border-radius: 4px }
svg { max-width: 100%; height: auto } li { margin-bottom: .4rem; overflow-wrap: anywhere } .dim { color: #64748b }
"""
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
NOTES: Final = 200


def page(review: Review) -> str:
    """The whole page."""
    above = review.above_note
    notes = [each for each in review.oddities if each.severity == "informational"]
    return "\n".join([
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Traffic, {clock(review.began)} UTC</title><style>{STYLE}</style></head><body>",
        f"<h1>What is odd in this traffic</h1><p class=lead>{_lead(review)}</p>",
        *(map(_article, above) if above else ["<p>Nothing is more than a note.</p>"]),
        f"<h2>{many(len(notes), 'note')}: odd, and explained or too little to go by</h2><ul>" if notes else "",
        *map(_note, notes[:NOTES]),
        "</ul>" if notes else "", "<h2>What was read</h2><dl>",
        *(f"<dt>{name}</dt><dd>{printable(said)}</dd>" for name, said in _records(review)), "</dl></body></html>",
    ])  # fmt: skip


def images(review: Review) -> Iterator[tuple[str, str]]:
    """Every plot as an image, with a name for its file."""
    for number, each in enumerate(review.oddities, 1):
        if plot := each.facts.get("plot"):
            yield f"{number:03}-{each.severity}-{each.signal}.svg", _image(plot, each.title[:90])


def _lead(review: Review) -> str:
    return (
        f"{many(review.records, 'record')} of {many(review.conversations, 'conversation')}, {clock(review.began)} to "
        f"{clock(review.ended)} UTC ({length(max(0.0, review.ended - review.began))})."
    )


def _note(oddity: Oddity) -> str:
    return f"<li>{printable(oddity.title)}<br><span class=dim>{printable(oddity.harmless)}</span></li>"


def _article(oddity: Oddity) -> str:
    plot = oddity.facts.get("plot")
    signs = " · ".join([oddity.signal, *oddity.techniques])
    return (
        f'<article class="{oddity.severity}"><h3><span class=level>{oddity.severity}</span>{printable(oddity.title)}'
        f"</h3><p class=signs>{printable(signs)}</p>{_image(plot) if plot else ''}"
        f"<dl><dt>why</dt><dd>{printable(oddity.why)}</dd>"
        f"<dt>look</dt><dd><code>{printable(oddity.look)}</code></dd>"
        f"<dt>may be harmless</dt><dd>{printable(oddity.harmless)}</dd></dl></article>"
    )


def _image(plot: Any, title: str = "") -> str:
    said = f"{plot['of']}: {title}" if title else str(plot["of"])
    return svg(plot["values"], title=said, begins=str(plot["from"]), ends=str(plot["to"]))


def _records(review: Review) -> Iterator[tuple[str, str]]:
    for source in review.sources:
        yield "file", f"{source.name}: {source.records:,} records, {source.format}, {source.damaged:,} damaged"
    normal = review.normal
    span = f"{clock(normal.since)} to {clock(normal.until)}"
    yield (
        "normal",
        f"learned from {normal.records:,} records, {span}"
        if normal.learned
        else f"the first half of these records, {span}",
    )
    for unseen in review.unseen:
        yield "not seen", f"{unseen.what}: {unseen.why}. {unseen.remedy}"
