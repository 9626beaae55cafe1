"""Processes that call themselves what they are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from shlex import quote
from typing import Final

from stockade.host.facts import procfs
from stockade.host.facts.process import Process
from stockade.host.oddity import Oddity
from stockade.host.triage import places
from stockade.host.triage.naming import Owner, facts, ref

KERNEL: Final = re.compile(
    r"(?:kworker|ksoftirqd|migration|cpuhp|idle_inject|irq|jbd2|kswapd\d+|kcompactd\d+)(?:[/:].*)?"
    r"|kthreadd|khugepaged|kdevtmpfs|kauditd|khungtaskd|oom_reaper|kblockd|kintegrityd|rcu_\w+|scsi_eh_\d+|xfsaild\S*"
)
"""Names of the kernel's own threads."""
DAEMONS: Final = places.words(
    "sshd init systemd systemd-journald systemd-logind systemd-udevd systemd-networkd systemd-resolved "
    "udevd cron systemd-timesyncd crond atd anacron rsyslogd syslogd syslog-ng klogd auditd agetty getty "
    "dbus-daemon polkitd dockerd containerd runc nginx apache2 httpd postgres mysqld mariadbd "
    "redis-server named chronyd ntpd snapd NetworkManager wpa_supplicant dhclient dhcpcd irqbalance "
    "accounts-daemon packagekitd exim4 gitlab-runner gitaly"
)
"""Services whose names nobody wonders about."""
OTHER_NAMES: Final = {("init", "systemd"), ("mysqld", "mariadbd"), ("udevd", "systemd-udevd"), ("httpd", "apache2")}
"""Services that are called so, by the names of their programs."""
INTERPRETERS: Final = re.compile(
    r"(?:ba|da|z|k|a|fi|c|tc)?sh|(?:python|perl|ruby|php|lua|node|tclsh|gawk|mawk|pypy)[\d.]*"
)
"""Programs that run what they are given: what they call themselves, somebody has chosen."""


def kernel_like(host: str, processes: Iterable[Process]) -> Iterator[Oddity]:
    """Programs that are called like a thread of the kernel. Those have no program at all."""
    for process in processes:
        if process.kernel or not process.exe or not _like_kernel(process):
            continue
        yield Oddity(
            "kernel-name",
            "high",
            f"process {process.pid} is called {_called(process)} like a thread of the kernel, and runs {process.exe}",
            ref(host, process),
            "Nobody wonders about a kernel thread in a list of processes.",
            f"ls -l /proc/{process.pid}/exe; grep -E 'PPid|Kthread' /proc/{process.pid}/status",
            "A thread of the kernel has no program and descends from process 2; this has one.",
            ("T1036.004", "T1036.005"),
            facts([process], parent=process.parent),
        )


def _like_kernel(process: Process) -> bool:
    first = process.argv[0] if process.argv else ""
    if first.startswith("[celery"):
        return False  # which titles its workers so
    return bool(re.fullmatch(r"\[.+\]\s*", first) or KERNEL.fullmatch(first) or KERNEL.fullmatch(process.name))


def _called(process: Process) -> str:
    first = process.argv[0] if process.argv else process.name
    return first if re.match(r"\[", first) or KERNEL.fullmatch(first) else process.name


def deleted_like(host: str, processes: Iterable[Process]) -> Iterator[Oddity]:
    """Files that are named as if they had been deleted, so that they pass for what an update has replaced."""
    for process in processes:
        for name in process.feigned:
            yield Oddity(
                "false-name",
                "high",
                f"process {process.pid} runs code from a file whose name only says that it was deleted: {name}",
                ref(host, process),
                "What an update has replaced is shown so, and nobody wonders about it.",
                f"ls -li {quote(name)}; grep -F {quote(name)} /proc/{process.pid}/maps",
                "The kernel adds these words when a file is gone; this one lies there by just that name.",
                ("T1036.005",),
                facts([process], library=name),
            )


def daemon_like(host: str, processes: Iterable[Process], owner: Owner) -> Iterator[Oddity]:
    """Programs that are called like a well-known service, and are another."""
    for process in processes:
        claimed = _claimed(process)
        if not claimed or process.in_memory or _is_that(process, claimed):
            continue
        package = owner(process.exe)
        chosen = bool(INTERPRETERS.fullmatch(places.name(process.exe)))
        yield Oddity(
            "false-name",
            "informational" if package and not chosen else "high",
            f"process {process.pid} calls itself {claimed}, and runs {process.exe}",
            ref(host, process),
            "Nobody wonders about a service that is always there.",
            f"ls -l /proc/{process.pid}/exe; systemctl status {process.pid}",
            f"The program is of the package {package}, and several services may be one program."
            if package and not chosen
            else "Links, names that a service gives its own processes, and programs of many names were looked through.",
            ("T1036.005",),
            facts([process], claimed=claimed, package=package),
        )


def _claimed(process: Process) -> str:
    """The service that the first word of a command names, empty for none."""
    if not process.argv or not process.exe.startswith("/"):
        return ""
    name = places.name(procfs.called(process.argv))
    return name if name in DAEMONS else ""


def _is_that(process: Process, claimed: str) -> bool:
    """Whether the program has that name, or what is called by it is the same file: busybox, udevadm, mariadbd."""
    if process.called is not None and process.called == process.file:
        return True
    elsewhere = process.called is not None and process.argv[0].startswith("/") and not process.deleted
    real = places.name(process.exe)
    return not elsewhere and (real == claimed or real.startswith(f"{claimed}-") or (claimed, real) in OTHER_NAMES)
