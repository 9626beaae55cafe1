"""From where an account really came: the addresses of its sign-ins that nothing in the log speaks against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from stockade.errors import Refused
from stockade.events import Entry, Event
from stockade.review.accounts import SEVERITIES, Account

Network = IPv4Network | IPv6Network
RECENT: Final = 30 * 86_400.0
"""Seconds for which a sign-in counts."""
APART: Final = 86_400.0
"""Seconds between the first and the last of them at least: who has just stolen a password comes on one day alone."""
MOST: Final = 8
"""Networks that are named: those that were used last."""
HOUSEHOLD: Final = 64
"""Of an IPv6 address so many bits are its network; the others change from day to day by themselves (RFC 8981)."""
SUSPICIOUS: Final = SEVERITIES[: SEVERITIES.index("medium") + 1]
"""Findings from which an account counts as suspect."""
REFUSING: Final = {
    "user.block": "user.unblock", "user.lock": "user.unlock", "user.remove": "user.create", "user.depart": "",
}  # fmt: skip
"""After which an account is refused, each with what takes it back."""
BY_ADDRESS: Final = "Name their address instead, when you know it: --allow ADDRESS."


@dataclass(frozen=True, slots=True)
class Came:
    """A network from which somebody signed in: how often, and when first and last, in seconds since the epoch."""

    network: Network
    times: int
    first: float
    last: float

    def because(self, name: str, now: float) -> str:
        """Why it is let in, for whoever decides."""
        hours = (now - self.last) / 3_600
        ago = f"{hours / 24:.0f} days ago" if hours >= 48 else f"{hours:.0f} h ago"
        return f"{name} signed in from there {self.times:,} times in 30 days, last {ago}"


class Whence:
    """Takes the entries of a log that tell of an account, and all findings, in the order of the log."""

    def __init__(self, account: Account, now: float) -> None:
        self._account, self._now = account, now
        self._came = dict[Network, Came]()
        self._entries = dict[str, Network]()
        self._refused, self._doubted = dict[str, Entry](), set[Network]()
        self._suspect: Entry | None = None
        self._shown = set[str]()

    def take(self, entry: Entry) -> None:
        """Look at an entry."""
        event = entry.event
        if self._account.is_it(event.target) and event.outcome == "success":
            self._stand(entry)
        if event.time < self._now - RECENT or event.time > self._now:
            return
        if event.action == "finding.create":
            self._doubt(entry)
        elif event.action == "authentication.success" and event.outcome == "success":
            self._signed_in(entry)

    def came(self, banned: Callable[[Network], bool]) -> list[Came]:
        """The networks, the one used last first. Raises Refused for an account that is blocked or suspect, and where
        there is none.
        """
        self._refuse_account()
        doubted = self._doubted | {at for entry, at in self._entries.items() if entry in self._shown}
        left = dict[str, int]()
        found = list[Came]()
        for each in self._came.values():
            why = _against(each, doubted, banned)
            left[why] = left.get(why, 0) + 1
            found += [] if why else [each]
        if not found:
            said = ", ".join(f"{count} {why}" for why, count in left.items()) or "no sign-in in 30 days"
            raise Refused(
                f"{self._account.asked} came from no address against which nothing speaks: {said}",
                remedy=BY_ADDRESS,
            )
        return sorted(found, key=lambda each: -each.last)[:MOST]

    def _stand(self, entry: Entry) -> None:
        action = entry.event.action
        if action == "user.depart" and entry.event.details.get("departed") is None:
            self._refused.pop(action, None)
        elif action in REFUSING:
            self._refused[action] = entry
        for refusing, taken_back in REFUSING.items():
            if action == taken_back:
                self._refused.pop(refusing, None)

    def _doubt(self, entry: Entry) -> None:
        event = entry.event
        severity = event.details.get("severity")
        if event.details.get("shadow") or severity not in SEVERITIES[:-1]:
            return
        if self._account.is_it(event.target) and severity in SUSPICIOUS:
            self._suspect = entry
        shown = event.details.get("entries")
        self._shown.update(map(str, shown) if isinstance(shown, (list, tuple)) else ())
        if event.target is not None and (event.target.system, event.target.kind) == ("network", "address"):
            self._doubted.update(_network(event.target.id))

    def _signed_in(self, entry: Entry) -> None:
        event = entry.event
        if not (self._account.is_it(event.actor) or (event.actor is None and self._account.is_it(event.target))):
            return
        for at in _network(event.source or ""):
            known = self._came.get(at, Came(at, 0, event.time, event.time))
            first, last = min(known.first, event.time), max(known.last, event.time)
            self._came[at] = Came(at, known.times + _times(event), first, last)
            self._entries[str(entry)] = at

    def _refuse_account(self) -> None:
        for action, entry in self._refused.items():
            until = entry.event.details.get("until")
            if isinstance(until, (int, float)) and until <= self._now:
                continue
            raise Refused(f"{self._account.asked} is let in nowhere: {action} ({entry} in the log)", remedy=BY_ADDRESS)
        if self._suspect is not None:
            title = self._suspect.event.details.get("title", "")
            said = f"{self._account.asked} is suspect: {title} ({self._suspect} in the log)"
            raise Refused(said, remedy=BY_ADDRESS)


def _against(came: Came, doubted: set[Network], banned: Callable[[Network], bool]) -> str:
    """What speaks against a network; empty when nothing does."""
    if banned(came.network):
        return "banned"
    if came.network in doubted:
        return "shown by a finding"
    return "" if came.last - came.first >= APART else "used on one day alone"


def _network(text: str) -> Iterator[Network]:
    """The network of an address that can be reached from elsewhere; nothing for what is none."""
    with suppress(ValueError):
        address = ip_address(text.partition("%")[0])
        address = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
        if not (address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local):
            yield ip_network((address, HOUSEHOLD if address.version == 6 else 32), strict=False)


def _times(event: Event) -> int:
    """Sign-ins that follow each other closely are one event, with how often it was repeated."""
    more = event.details.get("repeated", 0)
    return 1 + more if isinstance(more, int) and more > 0 else 1
