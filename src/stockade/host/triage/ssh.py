"""Who comes in over SSH: what sshd is told, and the keys it takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from stockade.events import Severity
from stockade.host.facts.accounts import Account
from stockade.host.facts.packages import Packages
from stockade.host.facts.placed import Placed, Placement
from stockade.host.facts.sshd import Directive, Key, directives, keys
from stockade.host.oddity import Oddity
from stockade.host.triage.origin import News
from stockade.host.triage.people import SYSTEM
from stockade.host.triage.suspicious import ANYBODYS, programs, reason
from stockade.host.triage.telling import Told, whose

FORGE: Final = re.compile(
    r"(/[\w./-]+/(?:gitlab-shell|gitea|forgejo|gogs))(?: --config=\S+)?(?: serv)? key-\d+(?: --config=\S+)?"
)
"""The one command of a forge for one key, as GitLab and Gitea write thousands of them."""
BOUND: Final = {"no-port-forwarding", "no-pty"}
NAMED: Final = 5
ADDED: Final = "It is harmless if somebody of yours added the key."


def sshd(host: str, placed: Placed, packages: Packages) -> Iterator[Oddity]:
    """Settings that let in whom sshd's own would not."""
    for one in directives(placed.text):
        found = _let_in(one, packages)
        if found is not None:
            what = f"says {one.word} {one.value}" + (f" where {one.match}" if one.match else "")
            yield Told(host, placed)(found[0], what, found[1])


def _let_in(one: Directive, packages: Packages) -> tuple[Severity, str] | None:
    """How bad a setting is, and why it may be harmless; None for one that is not."""
    if one.word in {"authorizedkeyscommand", "authorizedprincipalscommand"} and one.value != "none":
        ran = next(programs(one.value), "")
        bad: Severity = "high" if reason(one.value) else "informational" if packages.owner(ran) else "medium"
        return bad, whose(ran, packages)
    if one.word == "authorizedkeysfile" and any(path.startswith(ANYBODYS) for path in one.value.split()):
        return "high", "Anybody can write there."
    if one.word == "permitemptypasswords" and one.value.lower() == "yes":
        return "high", "Nobody needs it; sshd's own setting is no."
    if one.word == "permitrootlogin" and one.value.lower() == "yes":
        return "informational", "Many machines are set so; with a password it is a risk."
    return None


def ssh_keys(host: str, placement: Placement, is_news: News) -> Iterator[Oddity]:
    """Keys that open an account: told where one is unlike the rest, does more than sign in, or is news."""
    people = {account.home.rstrip("/"): account for account in placement.accounts}
    for placed in placement.of("authorized keys"):
        tell, found = Told(host, placed), list(keys(placed.text))
        forge = Counter(filter(None, map(forge_of, found))).most_common(1)
        if forge:
            yield from _among(tell, [key for key in found if forge_of(key) != forge[0][0]], len(found))
        else:
            yield from _commands(tell, found)
            yield from _opened(tell, found, people.get(placed.path.partition("/.ssh/")[0]), fresh=is_news(placed))
        if placed.mode & 0o022 and not placed.link:
            yield tell("medium", "can be changed by others", "sshd itself refuses it unless StrictModes is off.")


def forge_of(key: Key) -> str | None:
    """The program of the forge whose line it is; None for a line of any other shape, or one that is not bound."""
    found = FORGE.fullmatch(key.option("command") or "")
    named = {name for name, _ in key.options}
    bound = "restrict" in named or named >= BOUND
    return found[1] if found and bound and not found[1].startswith(ANYBODYS) else None


def _among(tell: Told, foreign: Sequence[Key], among: int) -> Iterator[Oddity]:
    """Lines that are not of the forge's shape, in a file that it writes."""
    for key in foreign:
        what = f"has a key in line {key.number} that is not of the forge's shape, among {among}"
        yield tell("high", what, "A forge writes every line of this file itself.", fingerprint=key.fingerprint)


def _commands(tell: Told, found: Sequence[Key]) -> Iterator[Oddity]:
    for key in found:
        command, environment = key.option("command") or "", key.option("environment") or ""
        if environment.startswith("LD_") or reason(command):
            what = f"has a key in line {key.number} that runs: {environment} {command}"
            yield tell("high", what, "Keys for backups run a command too; not such a one.", fingerprint=key.fingerprint)


def _opened(tell: Told, found: Sequence[Key], account: Account | None, *, fresh: bool) -> Iterator[Oddity]:
    if not found:
        return
    named = ", ".join(f"{key.fingerprint} {key.comment}".strip() for key in found[:NAMED])
    fingerprints = [key.fingerprint for key in found]
    free = not any(key.option("command") for key in found)
    if account is not None and 0 < account.uid < SYSTEM and free:
        what = f"opens {account.name}, an account of a service: {named}"
        yield tell("medium", what, "It is harmless if a program of yours signs in so.", fingerprints=fingerprints)
    elif fresh:
        yield tell("medium", f"was changed within a week: {named}", ADDED, fingerprints=fingerprints)
    else:
        yield tell(
            "informational", f"opens an account: {named}", "Whose keys they are, ask.", fingerprints=fingerprints
        )
