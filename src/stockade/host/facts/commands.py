"""What the files that make something run will run: crontab(5), systemd.service(5), udev(7), apt.conf(5) and others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from stockade.host.facts.placed import Placed

ASSIGNED: Final = re.compile(r"\s*[A-Za-z_]\w*\s*=")
INVOKED: Final = re.compile(r"(?:Pre|Post)-(?:Invoke|Install)[\w-]{0,40}(?:::)?\s*([{\"])", re.IGNORECASE)
QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
RUN: Final = re.compile(r'(?:RUN|PROGRAM|IMPORT)(?:\{(?:program)\})?\s*[+:]?==?\s*"((?:[^"\\]|\\.)*)"')
HOOK: Final = re.compile(r"\s*(?:pre|post)-invoke\s*=?(.*)")
ROTATES: Final = frozenset({"prerotate", "postrotate", "firstaction", "lastaction", "preremove"})
SPAWNED: Final = re.compile(r"polkit\.spawn\(\s*\[([^\]]{0,4096})\]")
STRINGS: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")
BANS: Final = re.compile(r"action(?:start|stop|ban|unban|check|flush|repair)\s*=(.*)")
LISTED: Final = re.compile(r"-\s+(.*)")
CONNECTS: Final = re.compile(
    r"(?:ProxyCommand|LocalCommand|KnownHostsCommand)(?:\s*=|\s)(.*)|Match\s[^\n]{0,200}?\bexec\s+(.*)", re.IGNORECASE
)
SERVES: Final = re.compile(
    r"(?:(?:archive|restore|archive_cleanup|recovery_end|ssl_passphrase)_command"
    r"|(?:shared|session|local)_preload_libraries)\s*=\s*'(.*)'|load_?module\s+[\"']?([^;\"'\s]+)"
    r"|plugin[-_]load(?:[-_]add)?\s*=(.*)|(dir\s+.*)",
    re.IGNORECASE,
)
PREFIXES: Final = "@-:+!|"


class Command(NamedTuple):
    """A command, whom it runs as (empty where the file does not say), and what sets it off."""

    text: str
    user: str = ""
    trigger: str = ""


def commands(placed: Placed) -> Iterator[Command]:
    """The commands of a file in a place; none of a compiled program."""
    reader = READERS.get(placed.kind)
    if reader is not None and not placed.is_program:
        yield from reader(placed)


def _joined(text: str) -> Iterator[str]:
    """Lines, those that end in a backslash joined with the next; comments and empty ones left out."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and line.lstrip()[0] not in "#;":
            yield line.strip()


def _crontab(placed: Placed) -> Iterator[Command]:
    fields = 3 if placed.path.endswith("anacrontab") else 6
    for line in _joined(placed.text):
        if not ASSIGNED.match(line):
            yield from _timed(line, fields, named=fields == 6)


def _user_crontab(placed: Placed) -> Iterator[Command]:
    user = placed.path.rpartition("/")[2]
    for line in _joined(placed.text):
        if not ASSIGNED.match(line):
            for command in _timed(line, 5, named=False):
                yield command._replace(user=user)


def _timed(line: str, fields: int, *, named: bool) -> Iterator[Command]:
    """``MIN HOUR DAY MONTH WEEKDAY [USER] COMMAND``, or ``@reboot [USER] COMMAND``."""
    before = (2 if named else 1) if line.startswith("@") else fields
    words = line.split(None, before)
    if len(words) > before:
        when = words[: before - 1] if named else words[:before]
        yield Command(words[-1], words[before - 1] if named else "", " ".join(when))


def _script(placed: Placed) -> Iterator[Command]:
    yield from (Command(line) for line in _joined(placed.text))


def _unit(placed: Placed) -> Iterator[Command]:
    user = ""
    for line in _joined(placed.text):
        word, equals, value = line.partition("=")
        if equals and word.strip() == "User":
            user = value.strip()
        elif equals and word.strip() == "Environment" and "LD_" in value:
            yield Command(value.strip().strip("\"'"), user, "environment")
        elif equals and word.strip().startswith("Exec"):
            yield Command(value.strip().lstrip(PREFIXES), user, word.strip())


def _udev(placed: Placed) -> Iterator[Command]:
    yield from (Command(found, "root", "udev") for line in _joined(placed.text) for found in RUN.findall(line))


def _apt(placed: Placed) -> Iterator[Command]:
    text = "\n".join(line for line in placed.text.splitlines() if not line.lstrip().startswith(("//", "#")))
    for block in _blocks(text):
        yield from (Command(found.replace('\\"', '"'), "root", "apt") for found in QUOTED.findall(block))
    if "/dpkg" in placed.path:
        hooks = (HOOK.match(line) for line in text.splitlines())
        yield from (Command(hook[1].strip().strip("\"'"), "root", "dpkg") for hook in hooks if hook)


def _blocks(text: str) -> Iterator[str]:
    """What stands in the brackets, or in the quotes, of each hook of apt; each character is read once."""
    at = 0
    while (begins := INVOKED.search(text, at)) is not None:
        quoted = QUOTED.match(text, begins.end() - 1)
        bracket = text.find("}", begins.end()) if begins[1] == "{" else -1
        at = quoted.end() if quoted else bracket if bracket >= 0 else len(text)
        yield text[begins.end() - 1 : at]


def _autostart(placed: Placed) -> Iterator[Command]:
    for line in _joined(placed.text):
        if line.startswith("Exec"):
            yield Command(line.partition("=")[2].strip(), "", "at the start of a desktop")


def _modprobe(placed: Placed) -> Iterator[Command]:
    for line in _joined(placed.text):
        words = line.split(None, 2)
        if len(words) == 3 and words[0] in {"install", "remove"}:
            yield Command(words[2], "root", f"module {words[1]}")


def _python(placed: Placed) -> Iterator[Command]:
    """A line of a ``.pth`` that begins with ``import`` is run whenever Python starts (site, in Python's library)."""
    for line in _joined(placed.text):
        if placed.path.endswith(".py") or line.startswith(("import ", "import\t")):
            yield Command(line, "", "Python")


def _rotation(placed: Placed) -> Iterator[Command]:
    """What stands between a word such as ``postrotate`` and ``endscript`` (logrotate(8))."""
    script = ""
    for line in _joined(placed.text):
        if line in ROTATES:
            script = line
        elif line == "endscript":
            script = ""
        elif script:
            yield Command(line, "root", script)


def _bus(placed: Placed) -> Iterator[Command]:
    said = dict(line.partition("=")[::2] for line in _joined(placed.text))
    if "Exec" in said:
        yield Command(said["Exec"].strip(), said.get("User", "").strip(), "D-Bus")


def _polkit(placed: Placed) -> Iterator[Command]:
    """Programs that a rule runs; what it decides is not read."""
    for words in SPAWNED.findall(placed.text):
        yield Command(" ".join(double or single for double, single in STRINGS.findall(words)), "polkitd", "polkit")


def _named(pattern: re.Pattern[str], trigger: str) -> Callable[[Placed], Iterator[Command]]:
    """A reader of lines in which what is run stands behind a name."""

    def read(placed: Placed) -> Iterator[Command]:
        found = ((line, pattern.match(line)) for line in _joined(placed.text))
        yield from (Command(match[match.lastindex or 0].strip(), "", trigger) for _, match in found if match)

    return read


READERS: Final[Mapping[str, Callable[[Placed], Iterator[Command]]]] = {
    "crontab": _crontab,
    "user crontab": _user_crontab,
    "at job": _script,
    "script": _script,
    "generator": _script,
    "unit": _unit,
    "user unit": _unit,
    "shell start": _script,
    "environment": _script,
    "udev": _udev,
    "apt": _apt,
    "autostart": _autostart,
    "modprobe": _modprobe,
    "python start": _python,
    "bus service": _bus,
    "polkit": _polkit,
    "log rotation": _rotation,
    "ban action": _named(BANS, "fail2ban"),
    "cloud start": _named(LISTED, "cloud-init"),
    "ssh client": _named(CONNECTS, "ssh"),
    "service settings": _named(SERVES, "a service"),
    "git template": _script,
    "git hook": _script,
}
