"""All that looks at a machine, in one file that is sent to machines where nothing but Python is installed.

It is run from memory there: nothing is written, so that nothing has to be removed, whatever happens meanwhile.
"""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

SOURCE: Final = Path(__file__).parent.parent
SENT: Final = (
    *("events.py", "errors.py", "host/__init__.py", "host/oddity.py", "host/patience.py", "host/facts", "host/triage"),
    *("host/baseline.py", "host/picture.py", "host/pictured.py", "host/updates/__init__.py", "host/updates/version.py"),
)
PICTURE: Final = "picture.json"
"""In the file, the things of the machine's picture, where it is to be looked at in the light of that."""
OLDEST: Final = (3, 11)
"""The Python that it needs."""
TOO_OLD: Final = 93
"""What it ends with on an older one."""
START: Final = f"""\
import os,sys
if sys.version_info<{OLDEST}:sys.stderr.write(sys.version.split()[0]);sys.exit({TOO_OLD})
f=os.memfd_create('stockade')
with open(f,'wb',closefd=False) as o:o.write(sys.stdin.buffer.read())
sys.path.insert(0,'/proc/self/fd/%d'%f)
sys.dont_write_bytecode=True
from stockade.host.triage.sent import main
main(sys.argv[1])
"""


def parcel(picture: bytes = b"") -> bytes:
    """The file: a zip archive of Python modules, and of the ``picture``; the same octets for the same source."""
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        archive.writestr(ZipInfo("stockade/__init__.py"), "")
        for path in sorted(_files()):
            archive.writestr(ZipInfo(f"stockade/{path.relative_to(SOURCE)}"), path.read_bytes(), ZIP_DEFLATED)
        if picture:
            archive.writestr(ZipInfo(PICTURE), picture, ZIP_DEFLATED)
    return packed.getvalue()


def _files() -> Iterator[Path]:
    for name in SENT:
        place = SOURCE / name
        yield from place.rglob("*.py") if place.is_dir() else [place]


def command(request: dict[str, object], *, sudo: bool = False) -> str:
    """What a shell there has to be told; the file comes at its standard input."""
    words = ["python3", "-I", "-S", "-c", START, json.dumps(request)]
    return shlex.join([*(["sudo", "-n"] if sudo else []), *words])
