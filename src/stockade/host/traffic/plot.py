"""Small plots of a few dozen bars: in a terminal, and as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

BLOCKS: Final = " ▁▂▃▄▅▆▇█"
WIDE, HIGH, FOOT, SIDE = 480, 96, 18, 4


def printable(text: str) -> str:
    """Foreign text for a page or an image: no mark-up, and no character that turns the direction of what stands beside
    it, or that XML does not know.
    """
    return escape("".join(c if c.isprintable() else ascii(c)[1:-1] for c in text))


def blocks(values: Sequence[float]) -> str:
    """One character a bar; what is not nothing is never shown as nothing."""
    most = max(values, default=0.0)
    return "".join(_block(value, most) for value in values)


def _block(value: float, most: float) -> str:
    return BLOCKS[max(1, round(value / most * 8))] if value > 0 and most > 0 else BLOCKS[0]


def svg(values: Sequence[float], *, title: str, begins: str, ends: str) -> str:
    """The same as an image that stands for itself: no script, no font, no address but that of its grammar."""
    most, width = max(values, default=0.0) or 1.0, (WIDE - 2 * SIDE) / max(1, len(values))
    bars = "".join(
        f'<rect x="{SIDE + at * width + 0.5:.1f}" y="{HIGH - (tall := max(1.5, value / most * (HIGH - 22))):.1f}" '
        f'width="{max(1.0, width - 1):.1f}" height="{tall:.1f}" fill="#c2410c"/>'
        for at, value in enumerate(values)
        if value > 0
    )
    total = HIGH + FOOT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {total}" width="{WIDE}" height="{total}" '
        'role="img">'
        f'<title>{printable(title)}</title><rect width="{WIDE}" height="{total}" fill="#fff"/>{bars}'
        f'<line x1="{SIDE}" y1="{HIGH + 0.5}" x2="{WIDE - SIDE}" y2="{HIGH + 0.5}" stroke="#94a3b8"/>'
        f"{_text(SIDE, 14, 'start', title)}{_text(SIDE, total - 4, 'start', begins)}"
        f"{_text(WIDE - SIDE, total - 4, 'end', ends)}</svg>"
    )


def _text(x: int, y: int, anchor: str, said: str) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-family="sans-serif" font-size="12" fill="#475569">'
        f"{printable(said)}</text>"
    )
