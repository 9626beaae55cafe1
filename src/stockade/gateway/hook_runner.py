"""What Git runs in the place of a hook, where the directory names some: the repository's own, then those.

::

    python -I -S hook_runner.py EVENT [ARGUMENT…]

Git starts it by a script that says no more than this line. ``STOCKADE_HOOKS`` says which programs of the operator are
to be run, each with its digest. The time, the output and the environment of each are bounded, and how it ended is
written to ``STOCKADE_HOOKS_TOLD``. The standard library alone: it is run at every push.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from hashlib import sha256
from threading import Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO, Any

DEADLINE = 30.0
"""Seconds that a program has."""
OUTPUT = 65_536
"""Octets of what it says that reach whoever pushes."""
KEPT = ("PATH", "HOME")


def main(event: str, argv: Sequence[str]) -> int:
    """Run them in their order; the first that fails is the last, unless all is over by then."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    job = json.loads(os.environ.pop("STOCKADE_HOOKS"))
    told = int(os.environ.pop("STOCKADE_HOOKS_TOLD"))
    given = b"" if event == "update" else sys.stdin.buffer.read()
    code = _own(event, argv, given)
    for hook in job["hooks"]:
        if code and event != "post-receive":
            break
        if hook["event"] == event:
            begun = time.monotonic()
            ended = _run(hook["file"], hook["sha256"], argv, given, _environment(job))
            line = {"ref": hook["ref"], "name": event, "sha256": hook["sha256"], **ended}
            os.write(told, json.dumps({**line, "seconds": round(time.monotonic() - begun, 3)}).encode() + b"\n")
            code = ended.get("code", 0) or code
    return code


def _own(event: str, argv: Sequence[str], given: bytes) -> int:
    """The hook that the operator has put into the repository itself is run as Git would."""
    own = f"hooks/{event}"
    if not os.access(own, os.X_OK):
        return 0
    return subprocess.run([own, *argv], input=given, check=False).returncode


def _environment(job: Mapping[str, Any]) -> dict[str, str]:
    """What Git says of the push, and who pushes; nothing else of ours."""
    kept = {name: text for name, text in os.environ.items() if name in KEPT or name.startswith("GIT_")}
    return kept | {f"STOCKADE_{name.upper()}": str(job[name] or "") for name in ("user", "project", "source")}


def _run(file: str, digest: str, argv: Sequence[str], given: bytes, environment: Mapping[str, str]) -> dict[str, Any]:
    """How it ended: its exit code, or why it was not run."""
    if not file:
        return {"reason": "not allowed: no program of the operator has this digest"}
    with open(file, "rb") as program:  # noqa: PTH123  as it is read once
        if sha256(program.read()).hexdigest() != digest:
            return {"code": 1, "reason": "its program has just been changed"}
    process = subprocess.Popen(
        [file, *argv],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
    Thread(target=_feed, args=(process.stdin, given), daemon=True).start()
    try:
        in_time = _heard(process.stdout)
        code = process.wait(1) if in_time else 1
    except subprocess.TimeoutExpired:
        code, in_time = 1, False
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it, or what it has left behind
    if in_time:
        return {"code": code}
    _say(f"hook ended: it took longer than {DEADLINE:g} seconds\n".encode())
    return {"code": 1, "reason": f"it took longer than {DEADLINE:g} s"}


def _feed(pipe: IO[bytes], given: bytes) -> None:
    with suppress(BrokenPipeError), pipe:
        pipe.write(given)


def _heard(pipe: IO[bytes]) -> bool:
    """Pass on what it says, as far as there is room; whether it ended in time."""
    end, room = time.monotonic() + DEADLINE, OUTPUT
    while (left := end - time.monotonic()) > 0:
        if not select.select([pipe], [], [], left)[0]:
            break
        piece = os.read(pipe.fileno(), OUTPUT)
        if not piece:
            return True
        _say(piece[:room])
        room = max(0, room - len(piece))
    return False


def _say(piece: bytes) -> None:
    with suppress(OSError):
        os.write(2, piece)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
