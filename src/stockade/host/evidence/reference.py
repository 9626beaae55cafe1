"""The page that tells what is taken as evidence, made from the artifacts themselves.

::

    python -m stockade.host.evidence.reference docs/reference/artifacts.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from stockade.host.evidence.artifact import TURNS, Artifact
from stockade.host.evidence.pack import own_pack
from stockade.host.evidence.readers import READERS
from stockade.host.evidence.uac import KNOWN

HEAD: Final = """\
# Artifacts

What `stockade host collect` [takes](../how-to/save-evidence.md), in its order: the most fleeting first (RFC 3227). Each
is a file of its own; `--list` shows them, `--artifact` chooses one or a whole turn. This page is made from them.
"""
OWN: Final = """\
## An artifact of your own

A TOML file, named after the artifact; `--artifacts FILE` takes it, alone or with those that `--artifact` names.

```toml
order = "logs"
what = "The logs of our shop"
why = "Orders that nobody has placed."
files = ["/srv/shop/log/**", "~/.shop/history"]
leave = ["*.gz"]
secret = ["*/payments.log"]

[limits]
each = "64 MiB"
```

| field | meaning |
|---|---|
| `order` | the turn in which it is taken, one of the headings above |
| `what`, `why` | what it is, and what it may show, in a sentence each |
| `files` | patterns: `*` stays within a folder, `**` goes all the way down, a leading `~` is every home |
| `command` | a program with its arguments, instead of files; looked for where the system has programs |
| `reader` | one of ours, instead of either: READERS |
| `take` | `octets` of each file; or one list of all of them, with `hashes` or `stat` |
| `within`, `leave` | patterns of whole paths that must, and must not, fit |
| `names`, `leave_names` | the same of the last part of a path |
| `kinds` | letters of `find -type`: `f`, `d`, `l`, `p`, `s`, `b`, `c`; all but folders unless told |
| `modes` | octal permissions, of one of which all bits must be set: `["4000", "2000"]` |
| `smallest`, `largest` | `"16 MiB"` |
| `depth` | how many folders down `**` goes |
| `secret` | patterns of what is taken only with `--secrets`; of the rest it is said that it is there |
| `privileges` | what is needed to see all of it |
| `limits` | `each` and `together` in octets, `count` of items, `seconds` for all of it |

## Artifacts for UAC

`--artifacts FILE.yaml` takes those that were written for UAC (Unix-like Artifacts Collector), as far as they are about
Linux: the collectors `command`, `file`, `find`, `hash` and `stat` with FIELDS. `%user_home%` is every home; `%line%` is
put into a command only when the line is a plain name, since a suspect machine may have lines that are commands.
Modifiers, which change the machine, are refused.
"""


def reference() -> str:
    """The whole page."""
    turns = (_turn(list(group)) for _, group in groupby(own_pack(), key=lambda each: each.order))
    readers = ", ".join(f"`{name}`" for name in READERS)
    fields = ", ".join(f"`{name}`" for name in sorted(KNOWN))
    return "\n".join(
        [HEAD, *("\n".join(turn) for turn in turns), OWN.replace("READERS", readers).replace("FIELDS", fields)]
    )


def _turn(artifacts: Sequence[Artifact]) -> Iterator[str]:
    order = artifacts[0].order
    yield f"## {order[0].upper()}{order[1:]}\n"
    yield f"{TURNS[order][0].upper()}{TURNS[order][1:]}.\n"
    yield "| artifact | what | why | from | needs |\n|---|---|---|---|---|"
    for each in artifacts:
        yield f"| `{each.id}` | {each.what} | {each.why} | {_source(each)} | {each.privileges} |"
    yield ""


def _source(artifact: Artifact) -> str:
    if artifact.reader:
        said = f"reader `{artifact.reader}`"
    elif artifact.command:
        said = f"`{' '.join(artifact.command)}`".replace("|", "\\|").replace("\n", "\\n")
    else:
        taken = f"{artifact.take} of " if artifact.take != "octets" else ""
        said = taken + " ".join(f"`{each}`" for each in artifact.files)
    return said + (" (a secret)" if artifact.all_secret or "*" in artifact.secret else "")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference())
