"""``manage.py stockade_explain`` with an address, or with a request in quotes."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from stockade.app.explanation import looks_like_request, request_of, rules_before
from stockade.django.management.command import GuardCommand
from stockade.guard.gate import Guard
from stockade.guard.listing import listed


class Command(GuardCommand):
    """Why somebody is refused, and what a request would meet."""

    help = "The bans of a client, or the rules that a request would meet and what each really admits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whom, or what."""
        parser.add_argument("what", help='203.0.113.9, user:NAME, or "POST /accounts/login/ from 203.0.113.9".')

    async def answer(self, guard: Guard, **options: Any) -> str:
        """One paragraph about the client, one line for each rule."""
        what = options["what"]
        if not looks_like_request(what):
            return await _about_client(what, guard)
        request, address = request_of(what, guard, {})
        about = [await _about_client(address, guard)] if address else []
        return "\n".join([*about, *_about_rules(request, guard)])


async def _about_client(target: str, guard: Guard) -> str:
    key = guard.key_for(target)
    bans = listed(ban for ban in await guard.abans() if ban.client == key)
    exempt = ":" not in key and guard.policy.exempts(guard.client(target))
    note = "\nIt can never be banned: it is a declared proxy or the operator's own." if exempt else ""
    return (f"{key} is not banned." if bans == "Nobody is banned." else bans) + note


def _about_rules(request: Any, guard: Guard) -> Iterator[str]:
    for rule in rules_before(request, guard.policy.rules):
        applies = "applies" if rule.applies and rule.certain else "may apply" if rule.applies else "does not apply"
        worst = f"; at worst {rule.worst}" if rule.worst else ""
        yield f"{rule.name} ({rule.kind}) {applies}: {rule.says}{worst}"
