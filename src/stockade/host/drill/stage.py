"""A stage: namespaces of mounts, processes, network and names over this machine, and what is run in them.

``python -m stockade.host.drill.stage`` is what ``unshare`` starts in them; it lays the layers, plants, and becomes the
command. Processes on the stage end with it (pid_namespaces(7)), its layers are in memory (mount_namespaces(7)).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from stockade.errors import Refused, Unavailable
from stockade.host.drill.planting import planted
from stockade.host.drill.plants import PLANTS, Stage

LAYERED: Final = ("/etc", "/usr", "/var", "/root", "/home", "/srv", "/opt")
"""What can be changed on the stage without being changed outside."""
FRESH: Final = ("/dev/shm",)  # noqa: S108  covered by an empty one of the stage's own
MEMORY: Final = "size=256m,mode=0755"
HELD: Final = Path("/run")
"""Where the layers lie, over which the stage has a folder of its own."""
PLANTED: Final = "planted.json"
"""In the place of the drill: what was planted. Whoever practises does not look into it."""


def command(place: Path, run: Sequence[str], *, plant: bool = True) -> list[str]:
    """What starts the stage: the place stays as it is outside. Raises Refused without root, Unavailable without
    util-linux's unshare.
    """
    if os.geteuid() != 0:
        raise Refused("only root can set a stage", remedy="Run it with sudo.")
    unshare = shutil.which("unshare")
    if unshare is None:
        raise Unavailable("there is no unshare, which makes namespaces", remedy="apt install util-linux")
    spaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child"]
    ours = [sys.executable, "-m", "stockade.host.drill.stage", "plant" if plant else "bare", str(place.resolve())]
    return [unshare, *spaces, *ours, *run]


def lay(place: Path) -> None:
    """Put a layer in memory over every folder that may be changed; ``place`` shows through."""
    _mount("--make-rprivate", "/")
    _mount("-t", "sysfs", "-o", "ro", "stage", "/sys")  # of the network of its own
    _mount("-t", "tmpfs", "-o", MEMORY, "stage", str(HELD))
    outside = _bound(place, HELD / "place")
    for folder in filter(os.path.isdir, LAYERED):
        upper, work = (HELD / part / folder.strip("/") for part in ("upper", "work"))
        upper.mkdir(parents=True)
        work.mkdir(parents=True)
        shutil.copystat(folder, upper)
        _mount("-t", "overlay", "-o", f"lowerdir={folder},upperdir={upper},workdir={work}", "stage", folder)
    for folder in FRESH:
        _mount("-t", "tmpfs", "-o", "size=64m,mode=1777", "stage", folder)
    place.mkdir(parents=True, exist_ok=True)
    _mount("--bind", str(outside), str(place))
    _mount("-t", "tmpfs", "-o", "size=16m,mode=0755", "stage", str(HELD))  # what is in the layers is seen once


def _bound(place: Path, at: Path) -> Path:
    at.mkdir()
    _mount("--bind", str(place), str(at))
    return at


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()[:200]
        raise Unavailable(f"the stage cannot be set: {said}", remedy="It needs overlay and tmpfs mounts, as root.")


def play(kind: str, place: Path, run: Sequence[str]) -> None:
    """Lay the layers, plant, and become the command."""
    lay(place)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    if kind == "plant":
        stage = Stage(Path("/"))
        told = [{"what": each.what, "signal": each.signal, "mark": mark} for each, mark in planted(PLANTS, stage)]
        (place / PLANTED).touch(mode=0o600)
        (place / PLANTED).write_text(json.dumps(told, indent=1))
    os.execvp(run[0], list(run))  # noqa: S606  the command that was asked for, as root is


if __name__ == "__main__":
    play(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
