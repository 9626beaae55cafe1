"""``manage.py stockade_bans``."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from stockade.django.management.command import GuardCommand
from stockade.guard.gate import Guard
from stockade.guard.listing import listed


class Command(GuardCommand):
    """Every live ban, the latest first."""

    help = "Who is banned, until when, and why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--json`` for programs."""
        parser.add_argument("--json", action="store_true", help="As JSON; times in seconds since the epoch.")

    async def answer(self, guard: Guard, **options: Any) -> str:
        """A line for each ban."""
        bans = await guard.abans()
        return json.dumps([asdict(ban) for ban in bans], indent=2) if options["json"] else listed(bans)
