"""``manage.py stockade_unban TARGET``."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from stockade.django.management.command import GuardCommand
from stockade.guard.gate import Guard
from stockade.guard.listing import lifted


class Command(GuardCommand):
    """Forgiveness."""

    help = "Lift every ban of a target, and clear its counters."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whom."""
        parser.add_argument("target", help="An address, a network, user:NAME or token:NAME.")

    async def answer(self, guard: Guard, **options: Any) -> str:
        """Lift and clear."""
        return lifted(options["target"], await guard.aunban(options["target"]))
