"""The page on shutting a network comes true, typed over SSH into a machine whose network it shuts."""

from __future__ import annotations

from dataclasses import dataclass

from tests.documents.reader import Reader, page
from tests.host.restrict.hosts import STOCKADE, Hosts, Shell, four

PAGE = page("docs/how-to/shut-the-network.md")


@dataclass
class Operator(Reader):
    """A reader who is signed in from elsewhere."""

    shell: Shell | None = None

    def _run(self, command: str) -> str:
        assert self.shell is not None
        return self._there(self.shell.type(f"PATH={STOCKADE.parent}:$PATH; {command}")[1])


def test_the_page_comes_true(hosts: Hosts) -> None:
    before, registry = hosts.ruleset(), f"{four('friend')}:5000"
    said = PAGE.replace("198.51.100.7, to port 22 of", f"{four('operator')}, to port 2222 of")
    said = said.replace("registry.example:443 (192.0.2.80)", registry).replace("registry.example:443", registry)
    said = said.replace("192.0.2.53", four("sink"))
    with hosts.signed_in() as shell, Operator(hosts.directory, shell=shell) as reader:
        reader.follow(said)
    assert hosts.ruleset() == before
