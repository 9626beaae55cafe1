"""Programs that the kernel starts, and that no package brought."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote

from stockade.events import Ref
from stockade.host.facts.callouts import Callout
from stockade.host.oddity import Oddity
from stockade.host.triage import places
from stockade.host.triage.naming import Owner


def foreign(host: str, found: Iterable[Callout], owner: Owner) -> Iterator[Oddity]:
    """Those that are nobody's: in a folder that anybody can write into they are grave."""
    for each in found:
        if owner(each.path) or owner(each.leads_to):
            continue
        grave = places.is_open(each.path) or places.is_memory(each.path) or bool(places.hides(each.path))
        yield Oddity(
            "kernel-helper",
            "high" if grave else "medium",
            f"the kernel starts {each.path}, which no package owns ({each.set_in})",
            Ref(host, "file", each.path),
            "What the kernel starts runs as root, outside of every container, whenever the kernel is made to.",
            f"cat {each.set_in}; sha256sum {quote(each.path)}",
            "Collectors of crashes (systemd-coredump, apport, abrt) come with packages; this did not.",
            ("T1546", "T1611"),
            {"set_in": each.set_in, "path": each.path},
        )
