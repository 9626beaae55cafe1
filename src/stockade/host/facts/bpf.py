"""The eBPF programs that the kernel runs, asked of it with bpf(2): nothing has to be installed for that."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Iterator
from typing import Final

from stockade.host.facts.inside import Program
from stockade.host.oddity import Unseen

CALL: Final = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
"""The number of bpf(2), machine by machine."""
NEXT_ID: Final = 11
FD_BY_ID: Final = 13
INFO: Final = 15
TYPES: Final = {
    2: "kprobe",
    3: "sched_cls",
    4: "sched_act",
    5: "tracepoint",
    6: "xdp",
    7: "perf_event",
    8: "cgroup_skb",
    1: "socket_filter",
    9: "cgroup_sock",
    13: "sock_ops",
    14: "sk_skb",
    15: "cgroup_device",
    17: "raw_tracepoint",
    18: "cgroup_sock_addr",
    23: "cgroup_sysctl",
    25: "cgroup_sockopt",
    26: "tracing",
    29: "lsm",
}
"""Kinds of programs, by ``enum bpf_prog_type`` of ``include/uapi/linux/bpf.h``."""


class _Info(ctypes.Structure):
    """The beginning of ``struct bpf_prog_info``; the kernel fills in as much as it is given room for."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("tag", ctypes.c_uint8 * 8),
        ("lengths", ctypes.c_uint32 * 2),
        ("code", ctypes.c_uint64 * 2),
        ("load_time", ctypes.c_uint64),
        ("uid", ctypes.c_uint32),
        ("maps", ctypes.c_uint32),
        ("map_ids", ctypes.c_uint64),
        ("name", ctypes.c_char * 16),
    )


def read() -> tuple[tuple[Program, ...], tuple[Unseen, ...]]:
    """Every program. Root may ask; everybody else is told so."""
    if platform.machine() not in CALL:
        return (), (Unseen("eBPF programs", f"not known how to ask on {platform.machine()}", "bpftool prog show"),)
    try:
        return tuple(_programs()), ()
    except OSError as error:
        if error.errno in {errno.ENOSYS, errno.EINVAL}:
            return (), ()  # a kernel without eBPF has no programs
        return (), (Unseen("eBPF programs", os.strerror(error.errno or 0).lower(), "Look as root."),)


def _programs() -> Iterator[Program]:
    last = 0
    while (last := _next(last)) != 0:
        try:
            yield _told(last)
        except FileNotFoundError:
            continue  # unloaded meanwhile


def _next(last: int) -> int:
    """The number of the program after this one; 0 when there is none."""
    asked = (ctypes.c_uint32 * 4)(last)
    try:
        _bpf(NEXT_ID, asked)
    except FileNotFoundError:
        return 0
    return int(asked[1])


def _told(number: int) -> Program:
    fd = _bpf(FD_BY_ID, (ctypes.c_uint32 * 4)(number))
    try:
        info = _Info()
        asked = (ctypes.c_uint32 * 4)(fd, ctypes.sizeof(info))
        ctypes.c_uint64.from_buffer(asked, 8).value = ctypes.addressof(info)
        _bpf(INFO, asked)
    finally:
        os.close(fd)
    kind = TYPES.get(info.type, f"type {info.type}")
    return Program(number, kind, info.name.decode("utf-8", "backslashreplace"), info.uid)


def _bpf(command: int, attributes: ctypes.Array[ctypes.c_uint32]) -> int:
    """Call bpf(2). Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    answer = library.syscall(CALL[platform.machine()], command, attributes, ctypes.sizeof(attributes))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(answer)
