"""Look-alikes of what an intruder leaves, all harmless, in namespaces of their own; the machine outside sees none.

Run as process 1 of new namespaces: ``unshare --pid --fork --net --mount --mount-proc python plant.py FOLDER COMMAND…``.
It runs the command on a machine that is in order, plants, runs it again, and prints what it said both times. When it
ends, the kernel ends everything that it has planted.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SLEEPER = """
#include <unistd.h>
int main(void) { alarm(600); sleep(600); return 0; }
"""
PRELOAD = "__attribute__((constructor)) static void hello(void) {}"
HIDER = """
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
struct dirent64 *readdir64(DIR *d) {
  struct dirent64 *(*real)(DIR *) = dlsym(RTLD_NEXT, "readdir64"), *e;
  const char *hidden = getenv("HIDDEN");
  while ((e = real(d)) && hidden && !strcmp(e->d_name, hidden));
  return e;
}
struct dirent *readdir(DIR *d) { return (struct dirent *)readdir64(d); }
"""
LISTEN = "import socket,time;s=socket.socket();s.bind(('127.0.0.1',31337));s.listen();time.sleep(600)"
SNIFF = "import socket,time;s=socket.socket(17,3,socket.htons(3));time.sleep(600)"
started: list[subprocess.Popen[bytes]] = []


def start(*argv: object, **more: object) -> int:
    process = subprocess.Popen(list(map(str, argv)), stdin=more.pop("stdin", subprocess.DEVNULL), **more)  # type: ignore[call-overload]
    started.append(process)
    return int(process.pid)


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def build(folder: Path, name: str, source: str, *options: str) -> Path:
    made = folder / name
    subprocess.run(["gcc", "-xc", "-", "-o", made, *options], input=source.encode(), check=True)
    return made


def readied(folder: Path) -> None:
    """A network, a view of it, and a folder of the system that can be written to."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1"], check=True)
    layers = folder / "layers"
    subprocess.run(["mount", "-t", "tmpfs", "layers", layers], check=True)
    for name in ("upper", "work"):
        (layers / name).mkdir()
    over = f"lowerdir=/usr/libexec,upperdir={layers}/upper,workdir={layers}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", over, "/usr/libexec"], check=True)


def planted(folder: Path) -> dict[str, int]:
    """Plant everything; the process that shows each signal."""
    sleeper = build(folder, "sleeper", SLEEPER)
    preload = build(folder, "preload.so", PRELOAD, "-shared", "-fPIC")
    found: dict[str, int] = {}
    away = Path(shutil.copy(sleeper, folder / "gone"))
    found["deleted-binary"] = start(away)
    fd = os.memfd_create("kworker", 0)
    os.write(fd, sleeper.read_bytes())
    found["memory-binary"] = start("[kworker/u8:1]", executable=f"/proc/self/fd/{fd}", pass_fds=[fd])
    found["kernel-name"] = found["memory-binary"]
    found["odd-place"] = start(shutil.copy(sleeper, folder / ".cache-upd"))
    found["false-name"] = start("/usr/sbin/sshd -D", executable=sleeper)
    found["unowned-binary"] = start(shutil.copy(sleeper, "/usr/libexec/dbus-renew"))
    found["preloaded-library"] = start("/bin/sleep", "600", env={"LD_PRELOAD": str(preload)})
    library = Path(shutil.copy(preload, folder / "rep.so"))
    found["deleted-library"] = start("/bin/sleep", "600", env={"LD_PRELOAD": str(library)})
    found["unknown-listener"] = start(sys.executable, "-c", LISTEN)
    found["sniffer"] = start(sys.executable, "-c", SNIFF)
    found["reverse-shell"] = reverse_shell()
    subprocess.run(["ip", "link", "set", "d0", "promisc", "on", "up"], check=True)
    found["covered-process"] = start("/bin/sleep", "600")
    (folder / "empty").mkdir()
    subprocess.run(["mount", "--bind", folder / "empty", f"/proc/{found['covered-process']}"], check=True)
    found["hidden-process"] = start("/bin/sleep", "600")
    until(lambda: str(library) in Path(f"/proc/{found['deleted-library']}/maps").read_text(), "the library")
    until(lambda: f":{31337:X} " in Path("/proc/net/tcp").read_text(), "the listener")
    until(lambda: len(Path("/proc/net/packet").read_text().splitlines()) > 1, "the sniffer")
    away.unlink()
    library.unlink()
    return found


def reverse_shell() -> int:
    """A shell at the other end of a connection to a server of our own, which never says anything."""
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    taken, _ = server.accept()
    server.detach(), taken.detach()
    return start("/bin/bash", "-i", stdin=client, stdout=client, stderr=client, preexec_fn=lambda: signal.alarm(600))


def loaded() -> int:
    """An eBPF program that lets every packet of a socket pass that there is none of, and is attached to nothing."""
    code = (ctypes.c_uint64 * 2)(0x0000_0001_0000_00B7, 0x95)
    licence = ctypes.create_string_buffer(b"GPL")
    asked = struct.pack("IIQQIIQII16s", 1, 2, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0, 0, 0, b"look")
    room = ctypes.create_string_buffer(asked, 128)
    number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    return int(ctypes.CDLL(None).syscall(number, 5, room, 72))


def said(command: list[str], **more: str) -> dict[str, object]:
    begun = time.monotonic()
    done = subprocess.run(command, env={**os.environ, **more}, capture_output=True, check=False)
    try:
        return {**json.loads(done.stdout), "code": done.returncode, "took": time.monotonic() - begun}
    except ValueError:
        sys.exit(done.stderr.decode())


def main(folder: Path, command: list[str]) -> None:
    readied(folder)
    before = said(command)
    pids = planted(folder)
    hider = build(folder, "hider.so", HIDER, "-shared", "-fPIC", "-ldl")
    assert loaded() >= 0
    after = said(command, LD_PRELOAD=str(hider), HIDDEN=str(pids["hidden-process"]))
    json.dump({"before": before, "after": after, "pids": pids}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
