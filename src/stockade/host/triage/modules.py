"""Lists of the kernel modules that are loaded at every start (modules-load.d(5)), and whose those modules are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from stockade.host.facts.inside import Kernel, module_named
from stockade.host.facts.packages import Packages
from stockade.host.facts.placed import Placed
from stockade.host.oddity import Oddity
from stockade.host.triage.kernel import is_foreign, is_packaged
from stockade.host.triage.origin import origin
from stockade.host.triage.telling import Told

HARMLESS: Final = (
    "Packages brought the other modules of this kernel; it is harmless if somebody of yours built this one."
)


def listed(host: str, lists: Iterable[Placed], kernel: Kernel, packages: Packages) -> Iterator[Oddity]:
    """Those that load what no package brought, and a note for each that no package brought itself."""
    packaged = is_packaged(kernel, packages.owner)
    for placed in lists:
        named = list(_named(placed.text))
        files = {name: kernel.files.get(module_named(name), "") for name in named}
        foreign = {name: path for name, path in files.items() if path and is_foreign(path, packages.owner)}
        if packaged and foreign:
            said = ", ".join(f"{name} from {path}" for name, path in foreign.items())
            yield Told(host, placed)("medium", f"loads what no package brought: {said}", HARMLESS, modules=named)
        elif named and origin(placed, packages).state == "nobody":
            harmless = "Modules of this kernel's packages, or none that it has."
            yield Told(host, placed)("informational", f"loads {', '.join(named)}", harmless, modules=named)


def _named(text: str) -> Iterator[str]:
    lines = (line.strip() for line in text.splitlines())
    yield from (line.split()[0] for line in lines if line and line[0] not in "#;")
