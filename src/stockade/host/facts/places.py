"""Where on a machine something can be left that will run again: data, one line a place.

``~`` stands for every home. A pattern may hold ``*`` and, beside it, ``[...]``, which never cross a slash, and end in
``/**`` for all below. After systemd.unit(5), cron(8), at(1), pam.d(5), ld.so(8), sudoers(5), sshd(8), bash(1),
udev(7), apt.conf(5), modprobe.d(5), environment.d(5), logrotate(8), polkit(8), ssh_config(5), nsswitch.conf(5),
dbus-daemon(1), and the Desktop Application Autostart Specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "crontab": ("/etc/crontab", "/etc/cron.d/*", "/etc/anacrontab"),
    "user crontab": ("/var/spool/cron/crontabs/*", "/var/spool/cron/*", "/etc/crontabs/*"),
    "at job": ("/var/spool/cron/atjobs/[a-zA-Z=]*", "/var/spool/at/[a-zA-Z=]*"),
    "script": (
        *("/etc/cron.hourly/*", "/etc/cron.daily/*", "/etc/cron.weekly/*", "/etc/cron.monthly/*", "/etc/periodic/*/*"),
        *("/etc/rc.local", "/etc/rc.d/rc.local", "/etc/init.d/*", "/etc/local.d/*", "/etc/update-motd.d/*"),
        *("/etc/network/if-*.d/*", "/etc/NetworkManager/dispatcher.d/*", "/etc/networkd-dispatcher/*/*"),
        *("/etc/dhcp/dhclient-*-hooks.d/*", "/etc/ppp/ip-up.d/*", "/etc/acpi/*", "/etc/ssh/sshrc", "~/.ssh/rc"),
        *("/etc/kernel/*.d/*", "/etc/initramfs-tools/hooks/*", "/etc/initramfs-tools/scripts/*/*"),
        *("/etc/NetworkManager/dispatcher.d/*/*", "/etc/X11/Xsession.d/*", "/var/lib/cloud/scripts/*/*"),
        *("~/.xprofile", "~/.xsession", "~/.xinitrc"),
    ),
    "generator": (
        *("/etc/systemd/system-generators/*", "/usr/local/lib/systemd/system-generators/*"),
        *("/usr/lib/systemd/system-generators/*", "/run/systemd/system-generators/*"),
        *("/etc/systemd/user-generators/*", "/usr/local/lib/systemd/user-generators/*"),
        *("/etc/systemd/system-environment-generators/*", "/usr/lib/systemd/system-environment-generators/*"),
        *("/etc/systemd/user-environment-generators/*", "/usr/lib/systemd/user-environment-generators/*"),
        *(
            "/usr/lib/systemd/user-generators/*",
            "/usr/lib/systemd/system-shutdown/*",
            "/usr/lib/systemd/system-sleep/*",
        ),
    ),
    "unit": (
        *("/etc/systemd/system/**", "/usr/lib/systemd/system/**", "/usr/local/lib/systemd/system/**"),
        *("/run/systemd/system/**", "/run/systemd/transient/**"),
    ),
    "user unit": ("/etc/systemd/user/**", "/usr/lib/systemd/user/**", "~/.config/systemd/user/**"),
    "pam": ("/etc/pam.d/*", "/etc/pam.conf"),
    "pam module": ("/usr/lib/*/security/*.so", "/usr/lib/security/*.so", "/usr/lib64/security/*.so"),
    "preload": ("/etc/ld.so.preload",),
    "library path": ("/etc/ld.so.conf", "/etc/ld.so.conf.d/*"),
    "sudoers": ("/etc/sudoers", "/etc/sudoers.d/*"),
    "accounts": ("/etc/passwd",),
    "shadow": ("/etc/shadow",),
    "sshd": ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf"),
    "shell start": (
        *("/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "/etc/bashrc", "/etc/zsh/*", "/etc/zshenv"),
        *("~/.bashrc", "~/.bash_aliases", "~/.bash_profile", "~/.bash_login", "~/.bash_logout", "~/.profile"),
        *("~/.zshrc", "~/.zshenv", "~/.zprofile", "~/.zlogin", "~/.config/fish/config.fish"),
    ),
    "environment": (
        "/etc/environment",
        "/etc/environment.d/*",
        "~/.ssh/environment",
        "~/.config/environment.d/*",
        "~/.pam_environment",
        "/etc/security/pam_env.conf",
    ),
    "udev": ("/etc/udev/rules.d/*", "/usr/local/lib/udev/rules.d/*", "/usr/lib/udev/rules.d/*", "/run/udev/rules.d/*"),
    "apt": ("/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*", "/etc/dpkg/dpkg.cfg", "/etc/dpkg/dpkg.cfg.d/*"),
    "autostart": ("/etc/xdg/autostart/*.desktop", "~/.config/autostart/*.desktop"),
    "modprobe": ("/etc/modprobe.d/*", "/usr/lib/modprobe.d/*", "/run/modprobe.d/*"),
    "modules": ("/etc/modules", "/etc/modules-load.d/*", "/usr/lib/modules-load.d/*"),
    "python start": (
        *("/usr/lib/python3/dist-packages/*.pth", "/usr/lib/python3*/sitecustomize.py"),
        *("/usr/local/lib/python3*/dist-packages/*.pth", "/usr/lib/python3*/site-packages/*.pth"),
        *("/etc/python3*/sitecustomize.py", "/usr/lib/python3/dist-packages/*customize.py"),
        *("/usr/local/lib/python3*/dist-packages/*customize.py", "~/.local/lib/python3*/site-packages/*customize.py"),
        "~/.local/lib/python3*/site-packages/*.pth",
    ),
    "nss module": ("/usr/lib/*/libnss_*.so*", "/usr/lib/libnss_*.so*", "/usr/lib64/libnss_*.so*"),
    "bus service": (
        "/usr/share/dbus-1/*services/*.service",
        "/usr/local/share/dbus-1/*services/*.service",
        "/etc/dbus-1/*services/*.service",
        "~/.local/share/dbus-1/services/*.service",
    ),
    "polkit": (
        "/etc/polkit-1/rules.d/*.rules",
        "/usr/share/polkit-1/rules.d/*.rules",
        "/usr/local/share/polkit-1/rules.d/*.rules",
    ),
    "log rotation": ("/etc/logrotate.conf", "/etc/logrotate.d/*"),
    "ban action": ("/etc/fail2ban/action.d/*",),
    "cloud start": ("/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d/*"),
    "ssh client": ("/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d/*", "~/.ssh/config"),
    "service settings": (
        *("/etc/postgresql/*/*/postgresql.conf", "/var/lib/postgresql/*/*/postgresql.auto.conf"),
        *("/etc/redis/*.conf", "/etc/nginx/nginx.conf", "/etc/nginx/modules-enabled/*", "/etc/mysql/**"),
    ),
    "git settings": ("/etc/gitconfig", "~/.gitconfig", "~/.config/git/config"),
    "git template": ("/usr/share/git-core/templates/hooks/*",),
}
"""The kind of a place, and where it is."""

KEYS: Final = (".ssh/authorized_keys", ".ssh/authorized_keys2")
"""Where sshd looks for keys in a home unless it is told otherwise (sshd_config(5), AuthorizedKeysFile)."""
