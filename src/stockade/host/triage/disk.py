"""The looks at what lies on a machine: what starts by itself, ways in, rights of others, hooks, logs, packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from stockade.host.facts import githooks, integrity, journal, logfiles, walked
from stockade.host.facts.integrity import Expected
from stockade.host.facts.packages import Packages
from stockade.host.triage import changed, entry, gitsettings, logs, modules, persistence, privileged
from stockade.host.triage.familiar import CONTENT
from stockade.host.triage.looking import Look, Progress, Told
from stockade.host.triage.origin import News
from stockade.host.triage.persistence import Sight
from stockade.host.triage.seen import Facts
from stockade.host.triage.suspicious import ANYBODYS


class Disk:
    """What lies on one machine, each thing read once, when the first look asks for it."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.machine = facts.machine
        self._walked = set[str]()

    @property
    def packages(self) -> Packages:
        """What is installed."""
        return self._facts.packages

    @cached_property
    def _sights(self) -> list[Sight]:
        return list(persistence.sights(self._facts.placement.files, self.packages))

    @cached_property
    def _news(self) -> News:
        return persistence.news(self._sights, self.machine.now)

    def looks(self) -> dict[str, Look]:
        """All looks, what is quick first."""
        return {
            "what starts by itself": self.persistence,
            "ways in": self.entries,
            "programs with others' rights": self.privileged,
            "logs": self.logs,
            "files of packages": self.integrity,
            **({"all files": self.everywhere} if self.machine.thorough else {}),
        }

    def persistence(self) -> Iterator[Told]:
        """What will run again by itself."""
        yield from persistence.odd(self.machine.name, self._sights, self.packages, self._news)
        placement = self._facts.placement
        yield from gitsettings.odd(self.machine.name, placement.of("git settings"))
        yield from modules.listed(self.machine.name, placement.of("modules"), self._facts.kernel, self.packages)

    def entries(self) -> Iterator[Told]:
        """Who comes in, and how."""
        machine = self.machine
        yield from entry.odd(machine.name, self._facts.placement, self.packages, self._news, machine.now)

    def privileged(self) -> Iterator[Told]:
        """Programs with rights of others and hidden ones, where they usually are."""
        yield from self._walk(walked.QUICK)

    def everywhere(self) -> Iterator[Told]:
        """The same wherever else there are files."""
        yield from self._walk(walked.ALL)

    def _walk(self, where: Mapping[str, int]) -> Iterator[Told]:
        found = walked.Walked()
        for folders in walked.walk(self.machine.root, found, where):
            yield Progress("folders", folders)
        yield from found.unseen
        special = [one for one in found.special if one.path not in self._walked]
        yield from privileged.odd(self.machine.name, special, self.packages)
        yield from self._hooks([folder for folder in found.repositories if folder not in self._walked])
        self._walked.update(one.path for one in special)
        self._walked.update(found.repositories)

    def _hooks(self, repositories: list[str]) -> Iterator[Told]:
        """Hooks of Git, of the repositories on the same walk, but for those where anybody makes them."""
        ours = [folder for folder in repositories if not folder.startswith(ANYBODYS)]
        files, unseen = githooks.read(self.machine.root, ours)
        yield from unseen
        seen = list(persistence.sights(files, self.packages))
        yield from persistence.odd(self.machine.name, seen, self.packages, self._news)
        yield from gitsettings.odd(self.machine.name, (each for each in files if each.kind == "git settings"))

    def logs(self) -> Iterator[Told]:
        """Logs, and how they agree; the journal only when there is time for it."""
        entries, unseen = journal.read(self.machine.root) if self.machine.thorough else (journal.Journal(), ())
        found, more = logfiles.read(self.machine.root, entries)
        yield from (*unseen, *more)
        yield from logs.odd(self.machine.name, found, self._facts.placement.accounts)

    def integrity(self) -> Iterator[Told]:
        """Files of packages against their digests: all of them, or in a hurry those that intruders change."""
        machine, was = self.machine, self._facts.picture or {}
        contents = integrity.Contents(self.packages) if machine.thorough and CONTENT in was else None
        wanted, found = self._wanted(all_files=contents is not None), list[integrity.Difference]()
        for each in integrity.compared(machine.root, wanted, self.packages, contents):
            if isinstance(each, int):
                yield Progress("files", each, len(wanted))
            else:
                found.append(each)
        now = contents.digests() if contents is not None else {}
        yield from changed.weighed(changed.odd(machine.name, found, self.packages), was, now)
        yield from changed.rewritten(machine.name, found, self.packages, was, now)
        if wanted:
            yield changed.no_proof(self.machine.name, len(wanted), self.packages)

    def _wanted(self, *, all_files: bool) -> list[Expected]:
        if self.machine.thorough:
            return integrity.expected(self.packages, all_files=all_files)
        return integrity.hurried(self.packages)


def looks(facts: Facts) -> dict[str, Look]:
    """All looks at what lies on a machine."""
    return Disk(facts).looks()
