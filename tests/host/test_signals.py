"""Every signal against what honest machines do: each trap is told as a note at most, what is beside it as a finding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from stockade.events import Ref
from stockade.host.facts import procfs
from stockade.host.facts.callouts import NAMED
from stockade.host.facts.callouts import read as read_callouts
from stockade.host.facts.hidden import covered, hidden
from stockade.host.facts.inside import Format, Hidden, Interface, Kernel, Module, Program
from stockade.host.facts.netfiles import Socket, parsed
from stockade.host.facts.process import Process
from stockade.host.facts.sockets import Sockets
from stockade.host.oddity import Oddity
from stockade.host.triage import callouts, kernel, listening, masks, preloads, running, talking
from stockade.host.triage.familiar import Familiar
from stockade.host.triage.looking import Machine
from stockade.host.triage.naming import Renewed
from stockade.host.triage.seen import Facts

OWNED = {
    "/usr/sbin/sshd": "openssh-server",
    "/lib/modules/6.1/kernel/fs/ext4.ko": "linux-image-6.1",
    "/usr/bin/perl": "perl",
    "/usr/bin/redis-server": "redis-tools",
    "/usr/lib/systemd/system/redis-server.service": "redis-server",
    "/usr/lib/systemd/system/redis-server@.service": "redis-server",
    "/usr/bin/udevadm": "udev",
    "/bin/busybox": "busybox",
    "/usr/bin/tcpdump": "tcpdump",
    "/usr/sbin/dhclient": "isc-dhcp-client",
    "/usr/bin/bash": "bash",
    "/usr/lib/libjemalloc.so.2": "libjemalloc2",
    "/usr/lib/libc.so.6": "libc6",
    "/usr/bin/containerd": "containerd",
    "/usr/lib/postgresql/15/bin/postgres": "postgresql-15",
    "/usr/bin/qemu-arm-static": "qemu-user-static",
    "/usr/lib/systemd/systemd": "systemd",
    "/usr/sbin/mariadbd": "mariadb-server",
}
owner = OWNED.get


def renewed(_package: str, _since: float) -> bool:
    return True


def not_renewed(_package: str, _since: float) -> bool:
    return False


def process(exe: str, *argv: str, **more: object) -> Process:
    made = Process(7, exe.rpartition("/")[2], 1, argv=argv or (exe,), exe=exe, file=(1, 2))
    return replace(made, **more)  # type: ignore[arg-type]


def worst(oddities: Iterable[Oddity]) -> str:
    """The severity of what is told, which is at most one thing here; nothing where nothing is told."""
    told = list(oddities)
    assert len(told) <= 1
    return told[0].severity if told else ""


@pytest.mark.parametrize(
    ("exe", "more", "severity"),
    [
        ("/usr/sbin/sshd", {"now": (1, 3)}, "informational"),  # updated, and not restarted yet
        ("/usr/sbin/sshd", {}, "low"),
        ("/opt/app/server", {"now": (1, 3)}, "informational"),  # updates itself
        ("/opt/app/server", {}, "medium"),
        ("/tmp/x", {"now": (1, 3)}, "high"),
        ("/home/alice/.hidden/x", {}, "high"),
        ("/dev/shm/x", {}, "high"),
    ],
)
def test_a_deleted_program_is_judged_by_where_it_lay_and_what_lies_there_now(
    exe: str, more: dict[str, object], severity: str
) -> None:
    assert worst(running.deleted("web1", [process(exe, deleted=True, **more)], owner, renewed)) == severity


def test_an_update_explains_what_was_replaced_only_where_there_was_one_since() -> None:
    gone = process("/usr/sbin/sshd", deleted=True, now=(1, 3))
    assert worst(running.deleted("web1", [gone], owner, not_renewed)) == "medium"
    with_it = process("/usr/bin/bash", libraries=("/usr/lib/libc.so.6 (deleted)",))
    assert worst(preloads.deleted("web1", [with_it], owner, not_renewed)) == "low"


REDIS = ("/usr/bin/redis-server 127.0.0.1:6379",)


@pytest.mark.parametrize(
    ("cgroup", "updated", "severity"),
    [
        ("/system.slice/redis-server.service", renewed, "informational"),  # between an update and the restart
        ("/system.slice/system-redis.slice/redis-server@two.service", renewed, "informational"),
        ("/system.slice/redis-server.service", not_renewed, "high"),
        ("/system.slice/own.service", renewed, "high"),  # a unit that no package brought
        ("/user.slice/user-0.slice/session-1.scope", renewed, "high"),
    ],
)
def test_a_program_that_lies_nowhere_is_judged_by_its_unit_and_its_update(
    cgroup: str, updated: Renewed, severity: str
) -> None:
    exe, deleted, unplaced = procfs.program("/ (deleted)", REDIS)
    more = {"now": (1, 3), "cgroup": cgroup, "libraries": ("/ (deleted)",)}
    gone = process(exe, *REDIS, deleted=deleted, unplaced=unplaced, **more)
    assert worst(running.unplaced("web1", [gone], owner, updated)) == severity
    for others in (
        running.deleted("web1", [gone], owner, updated),
        masks.daemon_like("web1", [gone], owner),
        preloads.deleted("web1", [gone], owner, updated),
    ):
        assert worst(others) == ""


def test_a_file_that_is_called_deleted_and_is_there_is_told() -> None:
    feigned = process("/usr/sbin/sshd", deleted=True, feigned=("/usr/sbin/sshd (deleted)",))
    assert worst(masks.deleted_like("web1", [feigned])) == "high"


@pytest.mark.parametrize(
    ("exe", "library", "severity"),
    [
        ("/usr/sbin/sshd", "/usr/lib/x86_64-linux-gnu/libkeyutils.so.1.9", "medium"),
        ("/usr/sbin/sshd", "/dev/shm/.x.so", "high"),
        ("/usr/sbin/sshd", "/opt/vendor/pam_vendor.so", ""),  # installed beside the packages
        ("/usr/sbin/sshd", "/usr/lib/libc.so.6", ""),
        ("/usr/sbin/sshd", "/tmp/x.so (deleted)", ""),  # told as deleted
        ("/usr/bin/perl", "/tmp/auto/List/Util.so", ""),  # runs what it is given
        ("/opt/app/server", "/tmp/x.so", ""),  # no package's program
        ("/usr/bin/bash", "/memfd:doublemapper", ""),
    ],
)
def test_a_library_in_a_program_that_its_package_cannot_have_meant_is_told(
    exe: str, library: str, severity: str
) -> None:
    with_it = process(exe, libraries=(exe, library))
    assert worst(preloads.foreign("web1", [with_it], owner)) == severity


def test_an_environment_that_names_a_million_libraries_holds_up_nobody() -> None:
    many = ":".join(f"/usr/lib/{number}.so" for number in range(300_000))
    told = list(preloads.preloaded("web1", [process("/usr/bin/bash", preloads=(f"LD_PRELOAD={many}",))], owner))
    assert len(told) == preloads.NAMED


def test_a_program_in_memory_is_a_note_when_nobody_can_have_changed_it() -> None:
    runc = process("/memfd:runc_cloned:/proc/self/exe", deleted=True)
    assert worst(running.in_memory("web1", [replace(runc, sealed=True)])) == "informational"
    assert worst(running.in_memory("web1", [runc])) == "high"
    assert worst(running.deleted("web1", [runc], owner, renewed)) == ""


@pytest.mark.parametrize(
    ("exe", "environment", "severity"),
    [
        ("/usr/bin/bash", "", ""),
        ("/home/alice/.cache/ms-playwright/chrome", "", ""),
        ("/home/alice/project/node_modules/.bin/esbuild", "", ""),
        ("/tmp/project/.venv/bin/ruff", "/tmp/project/.venv", "informational"),
        ("/tmp/go-build17/b001/exe/main", "", "informational"),
        ("/tmp/.mount_editorX1/usr/bin/editor", "", "informational"),
        ("/tmp/tool", "", "medium"),
        ("/home/alice/.x/tool", "", "medium"),
        ("/tmp/.x/tool", "", "high"),
        ("/usr/lib/.x/tool", "", "high"),
        ("/dev/shm/tool", "", "high"),
    ],
)
def test_where_a_program_lies_counts_only_where_no_known_tool_lies(exe: str, environment: str, severity: str) -> None:
    assert worst(running.misplaced("web1", [process(exe, environment=environment)])) == severity


def test_an_unowned_program_is_a_finding_only_where_packages_alone_put_programs() -> None:
    told = list(
        running.unowned("web1", [process(exe) for exe in ("/usr/bin/x", "/opt/x", "/home/alice/.pyenv/x")] * 9, owner)
    )
    assert [each.severity for each in told] == ["medium", "informational", "informational"]
    assert told[0].facts["count"] == 9  # many processes of one program are told once


@pytest.mark.parametrize(
    ("library", "mapped", "severity"),
    [
        ("/usr/lib/libjemalloc.so.2", True, "informational"),
        ("libjemalloc.so.2", True, "informational"),  # found by the loader, in no folder that was named
        ("/opt/x/libfaketime.so.1", False, "informational"),  # another architecture's, or gone: it does nothing
        ("/opt/x/libfaketime.so.1", True, "medium"),
        ("/tmp/x.so", True, "high"),
        ("/usr/lib/.x.so", True, "high"),
    ],
)
def test_a_preloaded_library_is_judged_by_its_package_its_place_and_whether_it_was_loaded(
    library: str, *, mapped: bool, severity: str
) -> None:
    there = (library if "/" in library else f"/usr/lib/{library}") if mapped else "/usr/lib/libc.so.6"
    with_it = process("/usr/bin/bash", preloads=(f"LD_PRELOAD={library}",), libraries=(there,))
    assert worst(preloads.preloaded("web1", [with_it], owner)) == severity


@pytest.mark.parametrize(
    ("library", "severity"),
    [
        ("/usr/lib/libc.so.6", "informational"),
        ("/tmp/ffiAb3dE9", ""),
        ("/memfd:doublemapper", ""),
        ("/memfd:JITCode:WebKit".lower(), ""),
        ("/SYSV00000000", ""),
        ("/dev/zero", ""),
        ("/opt/app/lib.so", "low"),
        ("/memfd:x", "medium"),
        ("/tmp/x.so", "high"),
    ],
)
def test_a_deleted_library_is_told_unless_programs_make_such_themselves(library: str, severity: str) -> None:
    with_it = process("/usr/bin/bash", libraries=("/usr/lib/libc.so.6", f"{library} (deleted)"))
    assert worst(preloads.deleted("web1", [with_it], owner, renewed)) == severity


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        (process("", "kworker/0:1", kernel=True, name="kworker/0:1"), ""),
        (process("/opt/python3", "[celeryd: w@host:MainProcess]"), ""),
        (process("/usr/sbin/irqbalance"), ""),
        (process("/opt/x", "[kworker/u8:1]"), "high"),
        (process("/opt/x", name="ksoftirqd/0"), "high"),
    ],
)
def test_only_the_kernel_has_threads_of_its_names(told: Process, severity: str) -> None:
    assert worst(masks.kernel_like("web1", [told])) == severity


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        (process("/usr/sbin/sshd", "sshd: alice [priv]"), ""),
        (process("/usr/lib/postgresql/15/bin/postgres", "postgres: checkpointer "), ""),
        (process("/usr/bin/udevadm", "/lib/systemd/systemd-udevd", called=(1, 2)), ""),  # a link to it
        (process("/usr/sbin/mariadbd", "/usr/sbin/mysqld", called=(1, 2)), ""),
        (process("/usr/lib/systemd/systemd", "/sbin/init", called=(1, 2)), ""),
        (process("/bin/busybox", "crond", called=None), "informational"),
        (process("/usr/bin/perl", "sshd"), "high"),  # an interpreter is of a package, and what it runs is not
        (process("/opt/x", "/usr/sbin/sshd -D"), "high"),
        (process("/opt/sshd", "/usr/sbin/sshd", called=(1, 9)), "high"),  # the name is right, and the file another
    ],
)
def test_a_service_is_what_it_is_called_or_a_link_to_it(told: Process, severity: str) -> None:
    assert worst(masks.daemon_like("web1", [told], owner)) == severity


def connected(remote: str, state: str = "established") -> Sockets:
    return Sockets((Socket("tcp", 99, 0, "10.0.0.1", 5, remote, 443, state),))


@pytest.mark.parametrize(
    ("parent", "sockets", "ends", "severity"),
    [
        ("/usr/bin/bash", connected("203.0.113.9"), (0, 1, 2), "critical"),
        ("/usr/bin/bash", connected("127.0.0.1"), (0, 1), "high"),
        ("/usr/lib/systemd/systemd", connected("203.0.113.9"), (0, 1), "low"),  # a unit with a socket
        ("/usr/bin/bash", connected("203.0.113.9", "listening"), (0, 1), ""),  # FastCGI
        ("/usr/bin/bash", connected("203.0.113.9"), (3,), ""),  # curl in a script
        ("/usr/bin/bash", Sockets(), (0, 1, 2), ""),  # sshd without a terminal: a socket of the machine's own
    ],
)
def test_a_shell_led_over_a_connection_is_found_and_no_other(
    parent: str, sockets: Sockets, ends: tuple[int, ...], severity: str
) -> None:
    shell = process("/usr/bin/bash", parent=1, links=dict.fromkeys(ends, "socket:[99]"))
    assert worst(talking.reverse_shells("web1", (shell, replace(process(parent), pid=1)), sockets)) == severity


@pytest.mark.parametrize(
    ("exe", "protocol", "severity"),
    [
        ("/usr/sbin/dhclient", "packet", "informational"),
        ("/usr/bin/tcpdump", "packet", "low"),
        ("/usr/bin/bash", "raw", "informational"),
        ("/opt/dhclient", "packet", "medium"),
        ("/opt/x", "raw", "medium"),
    ],
)
def test_who_reads_the_wire_is_judged_by_program_and_package(exe: str, protocol: str, severity: str) -> None:
    sockets = Sockets((Socket(protocol, 99, 0, port=3),), {99: [process(exe)]})
    assert worst(talking.sniffers("web1", sockets, owner)) == severity


def at(address: str, port: int, protocol: str = "tcp") -> Socket:
    return Socket(protocol, 99, 0, address, port, state="listening" if protocol == "tcp" else "")


@pytest.mark.parametrize(
    ("socket", "exe", "known", "severity"),
    [
        (at("0.0.0.0", 22), "/usr/sbin/sshd", None, ""),
        (at("127.0.0.1", 8000), "/opt/x", None, "informational"),
        (at("0.0.0.0", 8000), "/opt/x", None, "low"),
        (at("127.0.0.1", 31337), "/opt/x", None, "medium"),
        (at("0.0.0.0", 31337), "/usr/bin/perl", None, "medium"),  # a package owns it, and not what it runs
        (at("0.0.0.0", 8000), "/usr/bin/perl", None, ""),
        (at("0.0.0.0", 50_000, "udp"), "/opt/x", None, ""),  # a client that asks a name server
        (at("0.0.0.0", 22), "/usr/sbin/sshd", {"tcp 22 openssh-server uid 0"}, ""),
        (at("0.0.0.0", 22), "/usr/sbin/sshd", set(), "medium"),
        (at("0.0.0.0", 8000), "/opt/x", {"tcp 22 openssh-server uid 0"}, "high"),
        (at("0.0.0.0", 40_123), "/opt/x", {"tcp any /opt/x uid 0"}, ""),  # a port that changes with every start
        (at("0.0.0.0", 2049), "", None, "informational"),  # NFS is the kernel's
        (at("0.0.0.0", 7), "", None, "medium"),
    ],
)
def test_a_listener_is_judged_by_who_it_is_and_by_the_picture(
    socket: Socket, exe: str, known: set[str] | None, severity: str
) -> None:
    waiting = listening.listeners(Sockets((socket,), {99: [process(exe)]} if exe else {}), owner)
    assert worst(listening.unknown("web1", waiting, owner, known, blind=False)) == severity


def test_a_listener_that_nobody_holds_is_a_note_where_somebody_could_not_be_asked() -> None:
    waiting = listening.listeners(Sockets((at("0.0.0.0", 7),)), owner)
    assert worst(listening.unknown("web1", waiting, owner, None, blind=True)) == "informational"


def loaded(module: Module, x: str = "/lib/modules/6.1/kernel/fs/x.ko") -> Kernel:
    """A Debian's kernel with a module of its package, and another whose file is ``x``."""
    files = {"ext4": "/lib/modules/6.1/kernel/fs/ext4.ko"} | ({module.name: x} if x else {})
    return Kernel(modules=(Module("ext4"), module), taint=12288 if module.taint else 0, files=files)


@pytest.mark.parametrize(
    ("seen", "severity"),
    [
        (loaded(Module("x"), x="/lib/modules/6.1/kernel/fs/ext4.ko"), ""),
        (loaded(Module("nvidia", taint="POE"), x=""), "informational"),
        (loaded(Module("x", taint="OE"), x="/lib/modules/6.1/updates/dkms/x.ko"), "informational"),
        (loaded(Module("x", taint="OE"), x="/lib/modules/6.1/kernel/drivers/x.ko"), "medium"),  # with depmod
        (Kernel(modules=(Module("x"),)), ""),  # a container has no files of modules
        (loaded(Module("x", taint="OE"), x=""), "medium"),  # with insmod
        (Kernel(modules=(Module("x"),), files={"x": "/lib/modules/6.1/x.ko"}), ""),  # somebody built all of this kernel
        (Kernel(modules=(Module("x", listed=False),)), "critical"),
        (Kernel(taint=512), ""),  # a warning
        (Kernel(taint=4096), "medium"),  # what set it is gone
        (Kernel(taint=4096, contained=True), "informational"),
        (Kernel(formats=(Format("qemu-arm", "/usr/bin/qemu-arm-static", "OCF"),)), ""),
        (Kernel(formats=(Format("x", "/opt/x", "F"),)), "low"),
        (Kernel(formats=(Format("x", "/opt/x", "OC"),)), "high"),
    ],
)
def test_the_kernel_is_judged_by_what_nothing_explains(seen: Kernel, severity: str) -> None:
    assert worst(kernel.modules("web1", seen, owner)) == severity


def test_hooks_interfaces_and_hidden_processes() -> None:
    assert worst(kernel.hooks("web1", Kernel(hooks={"vfs_read": "bpftrace"}))) == ""
    assert worst(kernel.hooks("web1", Kernel(hooks={"__x64_sys_getdents64": "x"}))) == "high"
    assert worst(kernel.promiscuous("web1", Kernel(listening=(Interface("veth1", bridged=True),)))) == "informational"
    assert worst(kernel.promiscuous("web1", Kernel(listening=(Interface("eth0", bridged=False),)))) == "medium"
    assert [each.severity for each in kernel.hidden("web1", Hidden((7,), (8,)))] == ["critical", "critical"]


@pytest.mark.parametrize(
    ("kind", "holder", "severity"),
    [
        ("cgroup_device", "", ""),  # systemd's and Docker's, held by the control group alone
        ("kprobe", "/usr/bin/containerd", ""),
        ("kprobe", "", "medium"),
        ("xdp", "/opt/containerd", "medium"),  # the name, without the package
        ("socket_filter", "/usr/sbin/dhclient", "low"),
    ],
)
def test_an_ebpf_program_is_judged_by_its_kind_and_its_holder(kind: str, holder: str, severity: str) -> None:
    holders = [process(holder, programs={4: 2})] if holder else []
    assert worst(kernel.programs("web1", [Program(4, kind)], holders, owner)) == severity


def test_an_ebpf_program_that_nobody_holds_is_a_note_where_somebody_could_not_be_asked() -> None:
    silent = process("/usr/lib/systemd/systemd", unread=("open files",))
    assert worst(kernel.programs("web1", [Program(4, "lsm")], [silent], owner)) == "informational"


def test_an_ebpf_program_of_the_machine_is_held_by_nobody_who_can_be_seen_from_within_a_container() -> None:
    assert worst(kernel.programs("web1", [Program(4, "lsm")], [], owner, contained=True)) == "informational"
    holder = process("/opt/beacon", programs={4: 2})
    assert worst(kernel.programs("web1", [Program(4, "lsm")], [holder], owner, contained=True)) == "medium"


def test_threads_and_processes_that_come_and_go_are_not_hidden() -> None:
    listed = iter([{1, 2}, {1, 2, 30}, {1, 2, 30}, {1, 2, 30}])  # 30 was born while we looked

    def answering(numbers: Iterable[int]) -> Iterable[int]:
        return [number for number in numbers if number in {1, 2, 10, 20, 30}]

    found = hidden(range(100), lambda: next(listed), answering, lambda number: number != 10)  # type: ignore[arg-type]
    assert list(found) == [20]  # 10 is a thread


def test_a_mount_over_a_process_is_seen_and_no_other_mount_of_proc() -> None:
    mounts = "1 2 0:5 / /proc rw - proc proc rw\n2 1 0:6 / /proc/sys/fs/binfmt_misc rw\n3 1 0:7 /e /proc/41 rw - ext4 x"
    assert list(covered(mounts)) == [41]


def test_addresses_of_both_families_are_read_as_the_kernel_writes_them() -> None:
    v4 = (
        "head\n 0: 0100007F:7A69 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 5213 1 0\n junk"
    )
    v6 = "head\n 0: 0000000000000000FFFF00000100007F:0016 00000000000000000000000000000000:0000 0A 0 0 0 0 0 77 1"
    assert [(str(each), each.uid, each.inode, each.loopback) for each in parsed("tcp", v4)] == [
        ("tcp 127.0.0.1:31337", 1000, 5213, True)
    ]
    assert [str(each) for each in parsed("tcp6", v6)] == ["tcp 127.0.0.1:22"]


def test_what_the_picture_has_unchanged_is_a_note_and_what_has_changed_is_not() -> None:
    kinds = {"file": {"/etc/cron.d/a": "644 0 aa", "/etc/cron.d/b": "644 0 bb"}}
    now = {"file": {"/etc/cron.d/a": "644 0 aa", "/etc/cron.d/b": "644 0 changed", "/etc/cron.d/c": "644 0 cc"}}
    odd = [Oddity("cron", "high", "odd", Ref("web1", "file", f"/etc/cron.d/{name}"), "why") for name in "abc"]
    assert [Familiar(kinds, now).weighed(each).severity for each in odd] == ["informational", "high", "high"]


def test_processes_of_containers_are_not_judged_by_the_packages_of_the_machine() -> None:
    facts = Facts(Machine(Path("/nowhere"), "web1", 1.0))
    inside = process("/app/server", rooted=(9, 9))
    facts.__dict__["processes"] = (*[process("/usr/sbin/sshd", rooted=(1, 2))] * 3, inside)
    assert inside not in facts.ours
    assert [each.what for each in facts.unseen()] == ["the programs of 1 processes in containers"]


@pytest.mark.parametrize(
    ("setting", "text", "severity"),
    [
        ("core_pattern", "|/dev/shm/.x %p", "high"),
        ("core_pattern", "|/usr/local/bin/x %p", "medium"),
        ("core_pattern", "|/usr/lib/systemd/systemd %P", ""),
        ("core_pattern", "core.%p", ""),
        ("core_pattern", "|", ""),
        ("uevent_helper", "", ""),
        ("modprobe", "/tmp/m", "high"),
        ("init", "ro quiet init=/tmp/i", "high"),
        ("init", "ro initrd=/boot/i root=/dev/sda1", ""),
    ],
)
def test_what_the_kernel_starts_is_of_a_package(setting: str, text: str, severity: str, tmp_path: Path) -> None:
    place = tmp_path / NAMED[setting]
    place.parent.mkdir(parents=True)
    place.write_text(text + "\n")
    assert worst(callouts.foreign("web1", read_callouts(tmp_path), owner)) == severity
