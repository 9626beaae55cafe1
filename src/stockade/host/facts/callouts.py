"""Programs that the kernel itself starts, as root: for a core that is dumped, for a missing module, and at first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

NAMED: Final = {
    "core_pattern": "proc/sys/kernel/core_pattern",
    "modprobe": "proc/sys/kernel/modprobe",
    "uevent_helper": "sys/kernel/uevent_helper",
    "init": "proc/cmdline",
}
"""Where each stands; of the last, what ``init=`` says (core(5), proc_sys_kernel(5), kernel-parameters of Linux)."""
LONGEST: Final = 4096


class Callout(NamedTuple):
    """A program that the kernel starts, where that is set, and what a path leads to."""

    set_in: str
    path: str
    leads_to: str


def read(root: Path) -> tuple[Callout, ...]:
    """Those that are set; a kernel without one of the places has none there."""
    return tuple(_callouts(root))


def _callouts(root: Path) -> Iterator[Callout]:
    for name, place in NAMED.items():
        try:
            with (root / place).open("rb") as file:
                text = file.read(LONGEST).decode("utf-8", "backslashreplace").strip()
        except OSError:
            continue
        if path := program(name, text):
            yield Callout(f"/{place}", path, os.path.realpath(root / path.lstrip("/")))


def program(name: str, text: str) -> str:
    """The program that a setting names; empty where it names none."""
    if name == "core_pattern":
        return next(iter(text[1:].split(None, 1)), "") if text.startswith("|") else ""
    if name == "init":
        words = (word for word in text.split() if word.startswith("init=/"))
        return next((word.removeprefix("init=") for word in words), "")
    return text if text.startswith("/") else ""
