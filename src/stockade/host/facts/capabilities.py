"""What a program may do beyond its user's rights: the attribute security.capability (capabilities(7), vfs_cap_data)."""

from __future__ import annotations

import os
import struct
from typing import Final

NAMES: Final = (
    *("chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"),
    *("linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner"),
    *("sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice"),
    *("sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap"),
    *("mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf"),
    "checkpoint_restore",
)
"""In the order of their bits (linux/capability.h)."""
ROOTLIKE: Final = frozenset(
    {"chown", "dac_override", "dac_read_search", "fowner", "setgid", "setuid", "sys_module", "sys_rawio", "sys_ptrace"}
    | {"sys_admin", "setfcap", "mknod", "bpf", "linux_immutable"}
)
"""Those with which a program can become root, or read and write what only root may."""


def permitted(attribute: bytes) -> tuple[str, ...]:
    """The names of the capabilities that a program is given; none for an attribute that cannot be read."""
    if len(attribute) not in {12, 20, 24}:
        return ()
    low = struct.unpack_from("<I", attribute, 4)[0]
    high = struct.unpack_from("<I", attribute, 12)[0] if len(attribute) >= 20 else 0
    bits = low | high << 32
    return tuple(name for bit, name in enumerate(NAMES) if bits >> bit & 1)


def of(place: str) -> tuple[str, ...]:
    """The capabilities of the program at a place; none where the file system keeps none."""
    try:
        return permitted(os.getxattr(place, "security.capability", follow_symlinks=False))
    except OSError:
        return ()
