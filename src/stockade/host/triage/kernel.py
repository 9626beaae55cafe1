"""What was put into the kernel, or hidden by it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from shlex import quote
from typing import Final, NamedTuple

from stockade.events import Ref, Severity
from stockade.host.facts.inside import Hidden, Kernel, Module, Program
from stockade.host.facts.process import Process
from stockade.host.oddity import Oddity
from stockade.host.triage import places
from stockade.host.triage.naming import Owner

OUT_OF_TREE: Final = 1 << 12
UNSIGNED: Final = 1 << 13
FORCED: Final = 1 << 1
"""Bits of ``/proc/sys/kernel/tainted`` (admin-guide/tainted-kernels)."""
DKMS: Final = "/updates/dkms/"
KNOWN_OUTSIDERS: Final = (
    "nvidia",
    "zfs",
    "spl",
    "vbox",
    "v4l2loopback",
    "wl",
    "xpmem",
    "lustre",
    "falcon",
    "wireguard",
)
"""Modules from outside the kernel's tree that many machines have, by how their names begin."""
HOOKED: Final = re.compile(
    r"(?:.*_)?(?:getdents(?:64)?|filldir(?:64)?|sys_kill|(?:tcp|udp)[46]_seq_show|tpacket_rcv|packet_rcv|find_task_by_vpid"
    r"|proc_pid_readdir|proc_root_readdir|audit_log_start)"
)
"""Functions that whoever hides something has to change."""
TRACING: Final = frozenset(
    {"kprobe", "tracepoint", "raw_tracepoint", "tracing", "lsm", "perf_event", "xdp", "sched_cls"}
)
"""Kinds of programs that can see or change what others do; the rest serves its own control group or socket."""
LOADERS: Final = places.words(
    "systemd systemd-networkd systemd-oomd dockerd containerd runc crun podman buildkitd kubelet "
    "cilium-agent falco tetragon calico-node bpfman tracee sysdig datadog-agent snapd init lxd incusd"
)
"""Programs that load eBPF programs as a matter of course."""


def hidden(host: str, found: Hidden) -> Iterator[Oddity]:
    """Processes that answer, and that no list has."""
    for pid in found.pids:
        yield Oddity(
            "hidden-process",
            "critical",
            f"process {pid} answers, and /proc does not list it",
            Ref(host, "process", str(pid)),
            "A rootkit takes its processes out of every list.",
            f"cat /proc/{pid}/status; ls -l /proc/{pid}/exe; cat /etc/ld.so.preload",
            "Threads answer as well, and processes come and go: it is no thread, and was there and unlisted thrice.",
            ("T1014", "T1564"),
            {"pid": pid},
        )
    for pid in found.covered:
        yield Oddity(
            "covered-process",
            "critical",
            f"something is mounted over process {pid} in /proc, so that nobody can see what it is",
            Ref(host, "process", str(pid)),
            "A mount over the folder of a process hides its program and its command from ps and from every tool.",
            f"unshare --mount sh -c 'umount /proc/{pid}; cat /proc/{pid}/status; ls -l /proc/{pid}/exe'",
            "No tool that is known mounts anything there.",
            ("T1564.013", "T1564"),
            {"pid": pid},
        )


def modules(host: str, kernel: Kernel, owner: Owner) -> Iterator[Oddity]:
    """Modules that hide, and such as came from elsewhere than the kernel's packages."""
    packaged = is_packaged(kernel, owner)
    for module in kernel.modules:
        path, tell = kernel.files.get(module.name, ""), Tell(host, module)
        if module.present and not module.listed:
            yield tell("critical", "is loaded, and is left out of /proc/modules", _FLEETING)
        elif kernel.files and not path and not kernel.contained and not _is_outsider(module):
            severity: Severity = "medium" if _strange(module) else "informational"
            yield tell(severity, "is loaded from no file of this kernel", _GONE)
        elif packaged and path and is_foreign(path, owner) and not _is_outsider(module):
            yield tell("medium", f"is loaded from {path}, which no package brought", _FOREIGN)
        elif _strange(module):
            yield tell("informational", f"is not of the kernel's tree ({module.taint})", _BUILT)
    yield from _taint(host, kernel)
    yield from _formats(host, kernel, owner)


_FLEETING: Final = "A module that has just been unloaded may be in one list alone for a moment; look again."
_GONE: Final = "A kernel that was updated since the start has its files removed; then most modules are told here."
_FOREIGN: Final = "Packages brought the other modules of this kernel, and DKMS keeps what it builds elsewhere."
_BUILT: Final = "Drivers of graphics cards and file systems are built on the machine."


class Tell(NamedTuple):
    """Tells about one module."""

    host: str
    module: Module

    def __call__(self, severity: Severity, what: str, harmless: str) -> Oddity:
        one, name = self.module, self.module.name
        facts = {"module": name, "listed": one.listed, "present": one.present, "taint": one.taint}
        return Oddity(
            "kernel-module",
            severity,
            f"the module {name} {what}",
            Ref(self.host, "module", name),
            "What runs in the kernel can hide everything else, and can be trusted with nothing.",
            f"modinfo {quote(name)}; ls {quote(f'/sys/module/{name}')}; head /proc/modules",
            harmless,
            () if severity == "informational" else ("T1014", "T1547.006"),
            facts,
        )


def is_packaged(kernel: Kernel, owner: Owner) -> bool:
    """Whether packages brought the modules of this kernel, rather than whoever built it."""
    return any(owner(kernel.files[each.name]) for each in kernel.modules if each.name in kernel.files)


def is_foreign(path: str, owner: Owner) -> bool:
    """Whether the file of a module is nobody's: of no package, and not where DKMS puts what it builds."""
    return DKMS not in path and owner(path) is None


def _strange(module: Module) -> bool:
    return bool(set(module.taint) & set("OEF"))


def _is_outsider(module: Module) -> bool:
    return module.name.startswith(KNOWN_OUTSIDERS)


def _taint(host: str, kernel: Kernel) -> Iterator[Oddity]:
    """A taint that no module here explains: whatever set it has been unloaded, or hides."""
    explained = any(_strange(module) for module in kernel.modules)
    if not kernel.taint & (OUT_OF_TREE | UNSIGNED | FORCED) or explained:
        return
    yield Oddity(
        "kernel-taint",
        "informational" if kernel.contained else "medium",
        f"the kernel has had a module from outside its tree, and none is there now (taint {kernel.taint})",
        Ref(host, "kernel", kernel.release or "running"),
        "A rootkit that takes itself out of the list of modules cannot take back that it was loaded.",
        "cat /proc/sys/kernel/tainted; journalctl -k | grep -i -E 'taint|module'",
        "A driver that was tried and unloaded leaves the same mark; every module here was looked at.",
        ("T1014", "T1547.006"),
        {"taint": kernel.taint},
    )


def _formats(host: str, kernel: Kernel, owner: Owner) -> Iterator[Oddity]:
    """Formats of programs whose interpreter gets the rights of what is run, and that no package brought."""
    for each in kernel.formats:
        if owner(each.interpreter):
            continue
        grave = "C" in each.flags or places.is_open(each.interpreter) or bool(places.hides(each.interpreter))
        yield Oddity(
            "program-format",
            "high" if grave else "low",
            f"programs of the format {each.name} are run by {each.interpreter}, which no package owns",
            Ref(host, "kernel", f"binfmt_misc/{each.name}"),
            "With the flag C the interpreter gets the rights of a setuid program that is run: root for anybody.",
            f"cat {quote(f'/proc/sys/fs/binfmt_misc/{each.name}')}; sha256sum {quote(each.interpreter)}",
            "qemu and Wine register formats, from packages or from a container that is gone; this is no package's.",
            ("T1546",),
            {"format": each.name, "interpreter": each.interpreter, "flags": each.flags},
        )


def hooks(host: str, kernel: Kernel) -> Iterator[Oddity]:
    """Functions of the kernel that hiding needs, with something attached."""
    found = {name: by for name, by in kernel.hooks.items() if HOOKED.fullmatch(name)}
    if found:
        names = ", ".join(sorted(found)[:6])
        yield Oddity(
            "kernel-hook",
            "high",
            f"functions of the kernel by which things are hidden have something attached: {names}",
            Ref(host, "kernel", kernel.release or "running"),
            "Rootkits hook the functions that list files, processes and connections, and leave out their own.",
            "cat /sys/kernel/tracing/enabled_functions /sys/kernel/debug/kprobes/list",
            "Tracing tools (bpftrace, perf, Falco) hook functions for as long as they run; ask who runs one.",
            ("T1014",),
            {"hooks": dict(list(found.items())[:20])},
        )


def promiscuous(host: str, kernel: Kernel) -> Iterator[Oddity]:
    """Interfaces that take packets that are for others."""
    for each in kernel.listening:
        yield Oddity(
            "promiscuous-interface",
            "informational" if each.bridged else "medium",
            f"the interface {each.name} takes every packet, also those for others",
            Ref(host, "interface", each.name),
            "Who reads what passes by reads passwords.",
            f"ip -d link show {quote(each.name)}; ss -0bp",
            "It is part of a bridge, as those of containers and virtual machines are."
            if each.bridged
            else "Bridges switch it on for their parts; this is part of none. Monitors do for as long as they run.",
            () if each.bridged else ("T1040",),
            {"interface": each.name, "bridged": each.bridged},
        )


def programs(
    host: str, found: Iterable[Program], processes: Sequence[Process], owner: Owner, *, contained: bool = False
) -> Iterator[Oddity]:
    """Programs of eBPF that neither systemd nor containers need, each with its holder, as far as that is known.

    The kernel shows those of the whole machine; who looks from within a container does not see all that may hold them.
    """
    blind = contained or any("open files" in process.unread for process in processes)
    for program in found:
        holders = [process for process in processes if program.id in process.programs]
        severity, harmless = _of_program(program, holders, owner, blind=blind)
        if severity is None:
            continue
        who = f"held by process {holders[0].pid} ({places.name(holders[0].exe)})" if holders else "held by no process"
        yield Oddity(
            "ebpf-program",
            severity,
            f"the kernel runs the eBPF program {program.id} {program.name or '(unnamed)'} ({program.kind}), {who}",
            Ref(host, "program", str(program.id)),
            "A program in the kernel can hide files and connections, read what others type, and wait for a packet.",
            f"bpftool prog show id {program.id}; bpftool prog dump xlated id {program.id}; bpftool link show",
            harmless,
            ("T1014", "T1205.002"),
            {"id": program.id, "kind": program.kind, "uid": program.uid, "pids": [each.pid for each in holders[:9]]},
        )


def _of_program(
    program: Program, holders: Sequence[Process], owner: Owner, *, blind: bool
) -> tuple[Severity | None, str]:
    names = {places.name(process.exe) for process in holders}
    if names & LOADERS and all(owner(process.exe) for process in holders):
        return None, ""
    if program.kind.startswith("cgroup"):
        return None, ""  # systemd's and Docker's rules for devices and addresses, whoever is left to hold them
    if not holders and blind:
        return (
            "informational",
            "Some processes did not show their open files, or are outside; one of them may hold it, such as systemd.",
        )
    if program.kind in TRACING:
        return "medium", "Monitors and network plugins load such programs; no holder here is one, with a package."
    return "low", "Programs filter their own sockets like this; none that is known holds it."
