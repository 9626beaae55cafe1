"""The network shut and opened, under a configuration: its sinks stay reachable, and what is done is recorded."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from stockade.app.host.whence import whence
from stockade.errors import ConfigurationError, Refused, StockadeError
from stockade.events import Event, Outcome, Ref
from stockade.host.acting import HostActuator, Wanted
from stockade.host.restrict import sessions, words
from stockade.host.restrict.inner import inner
from stockade.host.restrict.kernel import PacketFilter
from stockade.host.restrict.named import (
    Address,
    Connection,
    Network,
    Restriction,
    Role,
    Server,
    address_of,
    network_of,
    single,
)
from stockade.host.restrict.resolvers import resolvers
from stockade.host.restrict.rules import digest
from stockade.host.restrict.shutting import shut
from stockade.host.restrict.standing import Note, Standing
from stockade.host.restrict.trying import Answers
from stockade.host.restrict.tunnels import tunnel_to
from stockade.host.restrict.written import Written, read
from stockade.review.whence import Came
from stockade.steps import Step

if TYPE_CHECKING:
    from stockade.app.recording import Recording
    from stockade.app.stockade import Stockade
    from stockade.config import Settings

PORTS: Final = {
    "https": 443, "http": 80, "syslog+tls": 6514, "relp+tls": 2514, "s3": 443, "witness+https": 443, "witness+http": 80,
    "tsa+https": 443, "tsa+http": 80, "redis": 6379, "rediss": 6379, "postgresql": 5432,
}  # fmt: skip
"""Where what a URL names listens, unless the URL says it."""
USER: Final = "user:"
"""Begins what names an account, and lets in the addresses that it came from."""

_log = logging.getLogger("stockade.restricting")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operator has asked for, as it was typed; ``even_me``: their own session is not to be kept."""

    allow: Sequence[str] = ()
    allow_out: Sequence[str] = ()
    operator: Sequence[str] = ()
    strict: bool = False
    even_me: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """A restriction, and what has to be known before it is put into force.

    ``sessions`` are the operator's own, ``sinks`` those of the configuration, ``open`` the connections that are there,
    ``doubts`` what somebody should read first. ``because`` says of networks that nobody typed why they are let in.
    """

    restriction: Restriction
    sessions: tuple[Connection, ...]
    sinks: tuple[Server, ...]
    open: tuple[Connection, ...]
    doubts: tuple[str, ...]
    because: Mapping[str, str] = field(default_factory=dict)

    def stays(self) -> list[words.Line]:
        """What stays reachable, in words."""
        return list(words.stays(self.restriction, self.because))

    def goes(self) -> list[str]:
        """What does not."""
        return list(words.goes(self.restriction, self.open))


class Restricting:
    """All verbs of the restriction; ``by`` is who asks. Methods raise StockadeError and nothing else.

    ``came_from`` tells whence an account comes; it is asked for ``--allow user:NAME``.
    """

    def __init__(
        self,
        settings: Settings,
        recording: Recording | None,
        *,
        by: Ref,
        clock: Callable[[], float],
        packets: PacketFilter | None = None,
        came_from: Callable[[str], Sequence[Came]] | None = None,
    ) -> None:
        self._settings, self._recording, self._by, self._clock = settings, recording, by, clock
        self._came_from = came_from or partial(whence, settings, clock)
        self._packets = packets or PacketFilter()

    def draw(self, asked: Asked) -> Drawn:
        """What would be shut; nothing is changed. Raises Refused where that would cut off whoever may be the operator,
        and where a name has no address.
        """
        own = () if asked.even_me else sessions.own()
        sinks = tuple(sinks_of(self._settings))
        people = [network_of(each) for each in asked.operator]
        servers, because = list(sinks), dict[str, str]()
        if not asked.strict:
            because = self._because([each for each in asked.allow if each.startswith(USER)])
            typed = [each for each in asked.allow if not each.startswith(USER)]
            people += [network_of(each) for each in (*typed, *because, *self._settings.operators)]
            servers += [_looked_up(read(each), each, "server") for each in asked.allow_out]
        servers += self._names(asked, sinks)
        within = () if asked.strict else inner()
        found = Restriction(own, tuple(dict.fromkeys(people)), _without_loopback(servers), within, asked.strict)
        if not (own or asked.even_me):
            _refuse_to_guess(found, asked)
        return Drawn(found, own, sinks, sessions.established(), tuple(self._doubts(found)), because)

    def script(self, drawn: Drawn, within: float) -> str:
        """What nft would be told."""
        return self._packets.script(drawn.restriction, within, self._note(drawn.restriction))

    def shut(self, drawn: Drawn, within: float) -> Answers:
        """Shut it, for ``within`` seconds unless it is confirmed, and try it. Raises Refused where it would cut off the
        operator or a sink. Answers who of those that are named can be reached.
        """
        self.tidy()
        action = f"network.{drawn.restriction.called}"
        told = self._told(drawn.restriction) | {"within": within}
        try:
            answers = shut(
                self._packets,
                drawn.restriction,
                within,
                self._note(drawn.restriction),
                sessions=drawn.sessions,
                sinks=drawn.sinks,
            )
        except StockadeError as error:
            outcome: Outcome = "refused" if isinstance(error, Refused) else "failure"
            self._tell(action, told | {"reason": error.message}, outcome)
            raise
        self._tell(action, told)
        return answers

    def confirm(self, drawn: Drawn | None = None) -> None:
        """Keep what is on trial; only this, where it is said. Raises Refused when nothing is, or something else."""
        try:
            kept = self._packets.confirm(digest(drawn.restriction) if drawn else "")
        except Refused:
            self.tidy()
            raise
        self._tell("network.confirm", _noted(kept.note))

    def lift(self) -> bool:
        """Open all again; was anything shut, or left over?"""
        standing = self._packets.standing()
        if standing is None:
            return False
        self._tell("network.lift", _noted(standing.note) | ({"lapsed": True} if standing.lapsed else {}))
        self._packets.lift()
        return True

    def standing(self) -> Standing | None:
        """What is in force; None when nothing is. What nobody has confirmed is taken away."""
        self.tidy()
        return self._packets.standing()

    def tidy(self) -> bool:
        """Take away what is left of a trial that is over; was there one?"""
        standing = self._packets.standing()
        if standing is None or not standing.lapsed:
            return False
        self._packets.fall_back()
        if standing.kept:  # nothing was opened: what was confirmed before counts
            self._tell("network.restrict", {"lapsed": True, "kept": _noted(standing.note)}, "failure")
        else:
            self._tell("network.lift", {"lapsed": True} | _noted(standing.note))
        return True

    def actuator(self) -> HostActuator:
        """The network of this machine for the steps of a plan, whose details are as they would be typed: ``allow``,
        ``allow_out`` and ``operator``, lists of texts.
        """
        return HostActuator(machine().id, self._wanted, clock=self._clock, record=self._record, packets=self._packets)

    def _wanted(self, step: Step) -> Wanted:
        allow, out, operator = (_texts(step.details.get(name)) for name in ("allow", "allow_out", "operator"))
        drawn = self.draw(Asked(allow, out, operator, strict=step.verb == "network.isolate"))
        return Wanted(drawn.restriction, drawn.sessions, drawn.sinks)

    # ── what is asked of the configuration ───────────────────────────────────────────────────────

    def _because(self, users: Iterable[str]) -> dict[str, str]:
        """The networks that accounts came from, and why each is let in. Raises Refused where there is none."""
        found = dict[str, str]()
        for user in users:
            if not (name := user.removeprefix(USER)):
                raise ConfigurationError("user: names nobody", remedy="Write it as user:alice.")
            for each in self._came_from(name):
                at, said = str(each.network), each.because(name, self._clock())
                found[at] = f"{found[at]}; {said}" if at in found else said
        return found

    def _names(self, asked: Asked, sinks: Iterable[Server]) -> Iterator[Server]:
        """The resolvers; in the strict form only where a sink is known by its name alone."""
        if not asked.strict or any(not _is_address(each.name.rpartition(":")[0]) for each in sinks):
            yield from resolvers()

    def _doubts(self, restriction: Restriction) -> Iterator[str]:
        if not restriction.strict and not any(each.role == "resolver" for each in restriction.servers):
            yield "no resolver elsewhere is known, so names will not be found: --allow-out ADDRESS:53/udp keeps one"
        places = {"the counters": str(self._settings.store.written), "the accounts": self._settings.database_url()}
        yield from _tunnels(restriction)
        with suppress(StockadeError):
            now = self._packets.standing()
            if now and now.on_trial and now.note:
                ago = max(0.0, self._clock() - now.note.at)
                yield f"what {now.note.by} has shut {ago:.0f} s ago is on trial still: this takes its place"
        for what, url in (places | {"the service behind": self._settings.upstream or ""}).items():
            with suppress(StockadeError, ValueError):
                server = _of_url(url, "server")
                if server and server.addresses and not restriction.reaches(server):
                    yield f"{what} of Stockade at {server.name} will be cut: --allow-out {server.name} keeps them"

    # ── for the record ───────────────────────────────────────────────────────────────────────────

    def _note(self, restriction: Restriction) -> Note:
        return Note(restriction.called, digest(restriction), self._by.id[:40], self._clock())

    def _told(self, restriction: Restriction) -> dict[str, object]:
        return {
            "form": restriction.called,
            "digest": digest(restriction),
            "operators": sorted({str(each.peer) for each in restriction.sessions}),
            "people": [str(each) for each in restriction.people],
            "servers": [f"{each.role} {each.name}" for each in restriction.servers],
        }

    def _tell(self, action: str, details: dict[str, object], outcome: Outcome = "success") -> None:
        source = next((str(each.peer) for each in sessions.own()), None)
        self._record(Event(self._clock(), action, self._by, machine(), source, outcome, details))

    def _record(self, event: Event) -> None:
        """Lifting must be recorded. All else goes on where that fails, and it is said: a full disk must not keep the
        network open.
        """
        try:
            if self._recording is not None:
                self._recording.insist(event)
        except StockadeError as error:
            if event.action == "network.lift" and not event.details.get("lapsed"):
                raise
            _log.warning("%s is not on record: %s", event.action, error.message)


@contextmanager
def restricting(stockade: Stockade) -> Iterator[Restricting]:
    """The verbs under a configuration. Where there is neither one nor a log, nothing is recorded."""
    from stockade.app.recording import there_is_one

    settings = stockade.settings
    with ExitStack() as stack:
        recording = None
        if settings.file is not None or there_is_one(settings):
            recording = stack.enter_context(stockade.recording())
        yield Restricting(settings, recording, by=stockade.actor, clock=stockade.clock)


def _tunnels(restriction: Restriction) -> Iterator[str]:
    """Which of those that may come do so through a tunnel, whose own packets go somewhere else."""
    own = {each.peer for each in restriction.sessions}
    people = [each.network_address for each in restriction.people if each.num_addresses == 1]
    through = {device: address for address in (*people, *own) if (device := tunnel_to(address))}
    for device, address in through.items():
        who = "you come" if address in own else f"{address} comes"
        yield f"{who} through {device}, a tunnel: name its other end, or it is cut off: --operator ADDRESS"


def _refuse_to_guess(restriction: Restriction, asked: Asked) -> None:
    """Raises Refused where whoever works over the network cannot be told, and none of them would be kept."""
    if sessions.tunnelled() and not asked.operator:
        raise Refused(
            "your session comes out of a tunnel that ends on this machine, and where it leads cannot be told",
            remedy="Say where its other end is: --operator ADDRESS.",
        )
    others = sessions.others()
    if others and not any(restriction.keeps(each) for each in others):
        known = ", ".join(sorted({str(each.peer) for each in others})[:8])
        raise Refused(
            f"this would cut off everybody who works here over SSH, from {known}, and you may be one of them",
            remedy="Say where you come from: --operator ADDRESS.",
        )
    if sessions.elsewhere() and not (others or asked.operator):
        raise Refused(
            "from where you come cannot be told: this is no console, and no connection of SSH is there",
            remedy="Say it: --operator ADDRESS. If you sit at the machine itself, add --even-me.",
        )


def machine() -> Ref:
    """The network of this machine, as steps and events name it."""
    return Ref("host", "network", socket.gethostname() or "localhost")


def sinks_of(settings: Settings) -> Iterator[Server]:
    """Where the log is carried to, but for files and what listens on this machine."""
    for table in settings.audit.sinks if settings.audit.enabled else ():
        sink = table.sink()
        url = sink.endpoint or sink.url
        if sink.url.startswith("s3:") and not sink.endpoint:
            url = f"https://{urlsplit(sink.url).hostname}.s3.{sink.region}.amazonaws.com"
        server = _of_url(url, "sink")
        if server is not None:
            yield server


def _of_url(url: str, role: Role) -> Server | None:
    """The server of a URL; None for a file, and for this machine itself."""
    parts = urlsplit(url)
    scheme = parts.scheme.partition("+")[0] if parts.scheme.startswith("postgresql") else parts.scheme
    if not parts.hostname or (parts.port is None and scheme not in PORTS):
        return None
    written = Written(parts.hostname, parts.port or PORTS[scheme])
    found = _looked_up(written, str(written), role)
    return None if all(n.is_loopback for n in found.networks) else found


def _looked_up(written: Written, name: str, role: Role) -> Server:
    """With its addresses of this moment. Raises Refused when it has none."""
    networks: tuple[Network, ...]
    if _is_address(written.host) or "/" in written.host:
        networks = (network_of(written.host),)
    else:
        networks = tuple(map(single, _addresses(written.host)))
    return Server(name, networks, written.port, written.protocol, role)


def _addresses(host: str) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused(
            f"{host} has no address that can be found out now ({error})",
            remedy="Write its address instead of its name.",
        ) from error
    return sorted({address_of(str(each[4][0])) for each in found}, key=str)


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        address_of(text.strip("[]"))
        return True
    return False


def _without_loopback(servers: Iterable[Server]) -> tuple[Server, ...]:
    kept = (replace(s, networks=tuple(n for n in s.networks if not n.is_loopback)) for s in servers)
    return tuple(dict.fromkeys(each for each in kept if each.networks))


def _noted(note: Note | None) -> dict[str, object]:
    return {} if note is None else {"form": note.called, "digest": note.digest, "by": note.by}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else ()
