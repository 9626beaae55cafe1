"""A restriction in the kernel, by the program nft: put on trial, confirmed, lifted, and looked at."""

from __future__ import annotations

import json
from collections.abc import Sequence

from stockade.errors import Refused, Unavailable
from stockade.host.restrict import rules
from stockade.host.restrict.named import Restriction
from stockade.host.restrict.standing import Note, Standing, standing_of
from stockade.nft import Nft


class PacketFilter:
    """The kernel's table ``inet stockade_restrict``. ``command`` runs nft.

    Every method raises Unavailable when nft cannot do it, and says why; each is one transaction, done whole or not at
    all.
    """

    def __init__(self, command: Sequence[str] = ("nft",)) -> None:
        self._nft = Nft(
            tuple(command),
            missing="Install nftables (apt-get install nftables).",
            denied="Only root may shut the network: put sudo before the command.",
            wrong=f"See what is there: nft list table {rules.TABLE}.",
        )

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
        try:
            self._nft("-c", "-f", "-", given=script)
            self._nft("-f", "-", given=script)
        except Unavailable as error:
            if "File exists" not in error.message:
                raise
            raise _others(self.standing()) from error

    def confirm(self, digest: str = "") -> Standing:
        """Keep what is on trial, if it is the one with this digest. Raises Refused when nothing is, its time is up, or
        somebody else's has taken its place.
        """
        now = self.standing()
        if now is not None and now.on_trial:
            if digest and now.note and now.note.digest != digest:
                raise _others(now)
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


def _others(now: Standing | None) -> Refused:
    by = f", {now.note.by}," if now and now.note else ""
    return Refused(
        f"somebody else{by} has shut the network in another way meanwhile, and that is what counts",
        remedy="See how: stockade host restrictions. Then give the command again, or confirm theirs.",
    )
