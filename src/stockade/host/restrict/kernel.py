"""A restriction in the kernel, by the program nft: put on trial, confirmed, lifted, and looked at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import Final

from stockade.errors import Refused, Unavailable
from stockade.host.restrict import rules
from stockade.host.restrict.named import Restriction
from stockade.host.restrict.standing import Note, Standing, standing_of

DEADLINE: Final = 10.0


class PacketFilter:
    """The kernel's table ``inet stockade_restrict``. ``command`` runs nft.

    Every method raises Unavailable when nft cannot do it, and says why; each is one transaction, done whole or not at
    all.
    """

    def __init__(self, command: Sequence[str] = ("nft",)) -> None:
        self._command = tuple(command)

    def standing(self) -> Standing | None:
        """What is there; None when nothing is."""
        listed = self._nft("-j", "list", "table", *rules.TABLE.split())
        return None if listed is None else standing_of(json.loads(listed)["nftables"])

    def script(self, restriction: Restriction, within: float, note: Note) -> str:
        """What nft is told to put a restriction on trial, as things stand."""
        now = self.standing()
        number = max(now.numbers, default=0) + 1 if now else 1
        kept, stale = (now.kept, now.others) if now else (0, ())
        return rules.tried(restriction, number, within, str(note), kept=kept, stale=stale)

    def try_out(self, restriction: Restriction, within: float, note: Note) -> None:
        """Shut the network, for ``within`` seconds unless it is confirmed. nft looks whether it can be done first."""
        script = self.script(restriction, within, note)
        self._nft("-c", "-f", "-", given=script)
        self._nft("-f", "-", given=script)

    def confirm(self) -> Standing:
        """Keep what is on trial. Raises Refused when nothing is, or its time is up."""
        now = self.standing()
        if now is not None and now.on_trial:
            others = [each for each in now.numbers if each != now.trial]
            try:
                self._nft("-f", "-", given=rules.confirmed(now.trial, others))
            except Unavailable:
                if (now := self.standing()) is not None and now.on_trial:
                    raise
            else:
                return now
        over = now is not None and now.trial > 0
        said = "nobody confirmed in time, and it was rolled back" if over else "nothing waits to be confirmed"
        raise Refused(said, remedy="Give the command that shuts it again.")

    def fall_back(self) -> None:
        """Take a trial away, alive or over; what was confirmed before counts again."""
        if (now := self.standing()) is not None:
            self._nft("-f", "-", given=rules.fallen_back(now.kept, now.others) if now.kept else rules.lifted())

    def lift(self) -> None:
        """Take all of it away; nothing happens when nothing is there."""
        self._nft("-f", "-", given=rules.lifted())

    def _nft(self, *arguments: str, given: str = "") -> str | None:
        """What nft answers; None for a table that is not there."""
        argv = [_program(self._command[0]), *self._command[1:], *arguments]
        try:
            ran = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=DEADLINE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"nft does not answer: {error}", remedy="Try it by hand: nft list ruleset.") from error
        if ran.returncode == 0:
            return ran.stdout
        if "list" in arguments and "No such file or directory" in ran.stderr:
            return None
        raise Unavailable(f"nft: {ran.stderr.strip()[:500] or ran.returncode}", remedy=_remedy(ran.stderr))


def _program(name: str) -> str:
    """Where a program is; PATH often lacks the directories where nft lives."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise Unavailable(f"there is no program {name}", remedy="Install nftables (apt-get install nftables).")
    return found


def _remedy(said: str) -> str:
    if "not permitted" in said:
        return "Only root may shut the network: put sudo before the command."
    return f"See what is there: nft list table {rules.TABLE}."
