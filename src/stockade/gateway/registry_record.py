"""Which images are pulled, pushed and removed, each once: told by their manifests, without which no layer is found.

A client that pulls asks for the manifest of a tag, and then for those that it names by their digests; within a minute
those belong to the same pull (OCI distribution specification, "Pulling manifests").
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from stockade.events import Event, Ref
from stockade.gateway.identity import Visitors
from stockade.gateway.registry_token import Holder
from stockade.guard.asgi import Scope
from stockade.guard.paths import normal

MANIFEST: Final = re.compile(r"/v2/(?P<image>.{1,255})/manifests/(?P<reference>[^/]{1,255})")
DONE: Final[Mapping[tuple[str, int], str]] = {
    ("GET", 200): "image.read",
    ("PUT", 201): "image.write",
    ("DELETE", 202): "image.remove",
}
"""What a method has done when it is answered with this status."""
TOGETHER: Final = 60.0
MOST: Final = 10_000


class ImageRecord:
    """Call it with each request and the status of its answer."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._pulled: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def __call__(self, scope: Scope, status: int, holder: Holder | None) -> None:
        """Record what was done, if anything was."""
        action, found = DONE.get((scope["method"], status)), MANIFEST.fullmatch(normal(scope["path"]))
        if action is None or found is None:
            return
        account, source = holder.account if holder else "", self._visitors.source(scope)
        now = self._visitors.clock()
        if action == "image.read" and self._goes_on((account, found["image"], source), found["reference"], now):
            return
        actor = Ref("stockade", "user", account) if account else None
        details = {"reference": found["reference"]}
        details |= {"credential": holder.credential} if holder and holder.credential else {}
        target = Ref("stockade", "image", found["image"])
        self._visitors.record(Event(now, action, actor, target, source, details=details))

    def _goes_on(self, pull: tuple[str, str, str], reference: str, now: float) -> bool:
        """Whether this belongs to a pull that was recorded already."""
        before = self._pulled.pop(pull, 0.0)
        self._pulled[pull] = now
        if len(self._pulled) > MOST:
            self._pulled.popitem(last=False)
        return ":" in reference and now - before < TOGETHER
