"""From where an account comes, before it is let through by that: asked of the log, the bans and the open incidents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_network
from typing import TYPE_CHECKING

from stockade.errors import Refused, StockadeError
from stockade.events import Entry
from stockade.respond import journal
from stockade.respond.incident import incidents
from stockade.review.accounts import Account
from stockade.review.whence import BY_ADDRESS, Came, Network, Whence

if TYPE_CHECKING:
    from stockade.config import Settings

_INCIDENT = re.compile(rb'"action":"incident\.')


def whence(settings: Settings, clock: Callable[[], float], name: str) -> Sequence[Came]:
    """The networks that an account really came from. Raises Refused, with why, where none can be told, and for an
    account that is blocked, banned, suspect, or a subject of an open incident.
    """
    log, account = settings.audit_log(), Account(name)
    for each in incidents(journal.telling(log, _INCIDENT)).values():
        if each.closed is None and any(map(account.is_it, each.subjects)):
            raise Refused(f"{name} is a subject of the open incident {each.name}", remedy=BY_ADDRESS)
    found = Whence(account, clock())
    for entry in _telling_of(settings, name):
        found.take(entry)
    banned = list(_banned(settings, clock, name))
    return found.came(lambda at: any(each.version == at.version and each.overlaps(at) for each in banned))


def _telling_of(settings: Settings, name: str) -> Iterator[Entry]:
    """The entries that name the account by its reference, and all findings."""
    named = re.escape(json.dumps(name.rpartition("/")[2])[1:-1].encode())
    wanted = re.compile(rb'"action":"finding\.create"|:[a-z_]{1,32}/' + named + b'"', re.IGNORECASE)
    return journal.telling(settings.audit_log(), wanted)


def _banned(settings: Settings, clock: Callable[[], float], name: str) -> Iterator[Network]:
    from stockade.app.stockade import Stockade

    try:
        bans = Stockade(settings, clock=clock).bans()
    except StockadeError as error:
        raise Refused(f"who is banned cannot be told now: {error.message}", remedy=BY_ADDRESS) from error
    for each in bans:
        if each.client.casefold() == f"user:{name.rpartition('/')[2]}".casefold():
            raise Refused(f"{name} is banned", remedy=BY_ADDRESS)
        with suppress(ValueError):
            yield ip_network(each.client.removeprefix("network:"), strict=False)
