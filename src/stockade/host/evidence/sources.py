"""An artifact and a machine become the things to be read, one after the other."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from stockade.host.evidence.artifact import Artifact, Take
from stockade.host.evidence.commands import command_source, shell
from stockade.host.evidence.files import facts_of, file_source, hashed, said
from stockade.host.evidence.readers import READERS
from stockade.host.evidence.source import Facts, Source, nothing
from stockade.host.evidence.walking import Place, found

HELD_BACK: Final = "a secret: --secrets takes it"
_PLAIN: Final = re.compile(r"[\w./:@+,=-]+")
"""What a line may hold that becomes part of a command; anything else could become a command of its own."""
_PATIENCE: Final = 20.0


def sources(artifact: Artifact, place: Place, *, secrets: bool) -> Iterator[Source]:
    """All there is of an artifact on a machine; without ``secrets``, of what is secret only that it is there."""
    if artifact.all_secret and not secrets and not artifact.files:
        yield nothing(artifact.what, held_back=HELD_BACK)
    elif artifact.condition and not _holds(artifact.condition):
        yield nothing(artifact.what, absent="its condition does not hold here")
    elif artifact.reader:
        yield from READERS[artifact.reader](artifact, place)
    elif artifact.command:
        yield from _commands(artifact)
    elif artifact.take is not Take.OCTETS:
        yield _listing(artifact, place)
    else:
        yield from _files(artifact, place, secrets=secrets)


def _files(artifact: Artifact, place: Place, *, secrets: bool) -> Iterator[Source]:
    for path in found(place, artifact.files, artifact.choice):
        if not secrets and any(fnmatchcase(path, each) for each in artifact.secret):
            yield nothing(path, held_back=HELD_BACK, **_seen(place.real(path)))
        else:
            yield file_source(place.real(path), path, artifact.limits.each)


def _listing(artifact: Artifact, place: Place) -> Source:
    """One item about many files: a line of JSON each."""

    def read(facts: Facts) -> Iterator[bytes]:
        until = time.monotonic() + artifact.limits.seconds
        for path in found(place, artifact.files, artifact.choice):
            if time.monotonic() > until:
                facts["error"] = f"not all was looked at in {artifact.limits.seconds:.0f} s"
                return
            told = {"path": path, **_seen(place.real(path))}
            if artifact.take is Take.HASHES and told.get("kind") == "f":
                told.update(hashed(place.real(path), artifact.limits.each))
            yield json.dumps(told).encode() + b"\n"

    return Source(f"{artifact.take} of {' '.join(artifact.files)}", read)


def _seen(path: str) -> Facts:
    try:
        facts = facts_of(os.lstat(path))
        return {**facts, "link": os.readlink(path)} if facts["kind"] == "l" else facts
    except OSError as error:
        return {"error": said(error)}


def _commands(artifact: Artifact) -> Iterator[Source]:
    """The command, or one for every line that another prints."""
    limits = artifact.limits
    if not artifact.each_line:
        yield command_source(artifact.command, limits.each, limits.seconds)
        return
    lines = shell(artifact.each_line, _PATIENCE)[1].decode("utf-8", "surrogateescape").splitlines()
    for line in dict.fromkeys(each.strip() for each in lines if each.strip()):
        if not _PLAIN.fullmatch(line):
            yield nothing(f"{artifact.what}: {line[:80]!r}", error="its name could become a command of its own")
        else:
            argv = [word.replace("%line%", line) for word in artifact.command]
            yield command_source(argv, limits.each, limits.seconds)


def _holds(condition: str) -> bool:
    return shell(condition, _PATIENCE)[0] == 0
