"""What the commands share: the project's guard, its errors as the command's, and one event loop for any store."""

from __future__ import annotations

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from stockade.django.setting import guard
from stockade.errors import StockadeError
from stockade.guard.gate import Guard
from stockade.guard.listing import refuse_unseen


class GuardCommand(BaseCommand):  # type: ignore[misc]  # Django has no types
    """A command about the guard; ``answer`` says what it prints. Runs even when system checks fail."""

    requires_system_checks = ()

    async def answer(self, guard: Guard, **options: Any) -> str:
        """What the command does, and then says."""
        raise NotImplementedError

    def handle(self, *_: Any, **options: Any) -> str:
        """Run it with the guard of the setting STOCKADE."""
        try:
            refuse_unseen(guard())
            return asyncio.run(self.answer(guard(), **options))
        except StockadeError as error:
            raise CommandError(str(error)) from error
