"""What each kind of place is called, what an intruder gains by it, and how to look closer: data for what is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Theme(NamedTuple):
    """``signal`` names the trace; ``noun`` is one such file; ``why`` what it gives an intruder; ``look`` a command."""

    signal: str
    noun: str
    why: str
    look: str
    techniques: tuple[str, ...]


SHOW: Final = "cat {path}"
THEMES: Final[Mapping[str, Theme]] = {
    "crontab": Theme("cron", "timed job", "It runs again and again, as anybody.", SHOW, ("T1053.003",)),
    "user crontab": Theme("cron", "timed job of a user", "It runs again and again.", SHOW, ("T1053.003",)),
    "at job": Theme("at", "job that waits for its time", "It runs once, when nobody looks.", SHOW, ("T1053.002",)),
    "script": Theme(
        "start-script", "script", "It runs whenever the machine starts or something happens.", SHOW, ("T1037.004",)
    ),
    "generator": Theme(
        "generator",
        "generator of systemd",
        "It runs before anything else when the machine starts.",
        "file {path}",
        ("T1543.002",),
    ),
    "unit": Theme(
        "unit",
        "unit of systemd",
        "It runs when the machine starts, by a timer, or always.",
        "systemctl cat {name}",
        ("T1543.002",),
    ),
    "user unit": Theme("user-unit", "unit of a user", "It runs whenever that user signs in.", SHOW, ("T1543.002",)),
    "shell start": Theme(
        "shell-start", "start file of a shell", "It runs whenever somebody signs in.", SHOW, ("T1546.004",)
    ),
    "environment": Theme("environment", "environment", "It is in every program that is started.", SHOW, ("T1574.006",)),
    "udev": Theme(
        "udev", "rule of udev", "It runs when a device appears, which is at every start.", SHOW, ("T1546.017",)
    ),
    "apt": Theme(
        "package-hook",
        "hook of the package manager",
        "It runs as root whenever a package is installed.",
        SHOW,
        ("T1546.016",),
    ),
    "autostart": Theme(
        "autostart", "start of a desktop", "It runs whenever a desktop is started.", SHOW, ("T1547.013",)
    ),
    "modprobe": Theme(
        "modprobe", "setting of a kernel module", "It runs as root when a module is asked for.", SHOW, ("T1547.006",)
    ),
    "python start": Theme(
        "python-start", "start file of Python", "It runs whenever Python starts, also as root.", SHOW, ("T1546.018",)
    ),
    "bus service": Theme(
        "bus-service", "service of D-Bus", "It runs whenever somebody asks for it by its name.", SHOW, ("T1543",)
    ),
    "polkit": Theme(
        "polkit",
        "rule of polkit",
        "It runs, and decides, whenever somebody wants to do what root may.",
        SHOW,
        ("T1548",),
    ),
    "log rotation": Theme(
        "log-rotation", "rotation of logs", "It runs as root every day.", SHOW, ("T1053.003", "T1546")
    ),
    "ban action": Theme(
        "ban-action", "action of fail2ban", "It runs as root when somebody is banned.", SHOW, ("T1546",)
    ),
    "cloud start": Theme(
        "cloud-start", "setting of cloud-init", "It runs as root when the machine starts.", SHOW, ("T1037.004",)
    ),
    "ssh client": Theme(
        "ssh-client", "setting of ssh", "It runs whenever somebody connects from here.", SHOW, ("T1546",)
    ),
    "service settings": Theme(
        "service-settings", "setting of a service", "The service loads or runs it.", SHOW, ("T1505",)
    ),
    "nss module": Theme(
        "nss-module",
        "module of the name service",
        "Every program that asks who somebody is loads it, sshd and sudo too.",
        "sha256sum {path}; cat /etc/nsswitch.conf",
        ("T1556", "T1574.006"),
    ),
    "git template": Theme(
        "git-hook", "hook that new repositories get", "It runs in every repository made from now on.", SHOW, ("T1546",)
    ),
    "git hook": Theme("git-hook", "hook of Git", "It runs whenever somebody pushes.", SHOW, ("T1546",)),
    "git settings": Theme(
        "git-settings", "setting of Git", "It runs whenever somebody uses Git there.", SHOW, ("T1546",)
    ),
    "accounts": Theme("account", "list of accounts", "Who is in it may come in.", "getent passwd", ("T1136.001",)),
    "shadow": Theme("account", "list of passwords", "Who is in it may come in.", "chage -l root", ("T1098",)),
    "pam": Theme("pam", "setting of PAM", "It decides who comes in, and sees their passwords.", SHOW, ("T1556.003",)),
    "pam module": Theme(
        "pam-module",
        "module of PAM",
        "It decides who comes in, and sees their passwords.",
        "sha256sum {path}",
        ("T1556.003",),
    ),
    "preload": Theme(
        "ld-preload",
        "library put into every program",
        "It can hide files, processes and itself from every program.",
        "sha256sum $(cat {path})",
        ("T1574.006",),
    ),
    "library path": Theme(
        "library-path",
        "folder of libraries",
        "A library in it can stand in for one of the system's.",
        SHOW,
        ("T1574.006",),
    ),
    "sudoers": Theme(
        "sudo",
        "rule of sudo",
        "Who may run everything without a password is root.",
        "visudo -c -f {path}",
        ("T1548.003",),
    ),
    "sshd": Theme("sshd", "setting of sshd", "It decides who comes in over SSH.", "sshd -T", ("T1098.004",)),
    "authorized keys": Theme(
        "ssh-key",
        "file of keys",
        "Who has such a key comes in without a password, also after it was changed.",
        "ssh-keygen -lf {path}",
        ("T1098.004",),
    ),
    "modules": Theme(
        "modules-load",
        "list of kernel modules",
        "A module in it is loaded at every start.",
        "modinfo $(grep -v '^#' {path})",
        ("T1547.006",),
    ),
}
