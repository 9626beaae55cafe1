"""``manage.py stockade_ban TARGET``."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from stockade.django.management.command import GuardCommand
from stockade.guard.gate import Guard
from stockade.guard.listing import listed


class Command(GuardCommand):
    """A ban by hand."""

    help = "Ban an address, a network, user:NAME or token:NAME."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whom, for how long, and why."""
        parser.add_argument("target")
        parser.add_argument("--seconds", type=float, help="How long; for ever without.")
        parser.add_argument("--reason", default="", help="Why, for whoever asks later.")

    async def answer(self, guard: Guard, **options: Any) -> str:
        """Place the ban."""
        return listed([await guard.aban(options["target"], options["seconds"], options["reason"])])
