"""What makes a command one that an honest file seldom holds: it fetches and runs, hides, or opens a way in.

Only what stands where a command stands counts: that a line mentions /tmp says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

SHELL: Final = r"(?:\S*/)?(?:(?:ba|da|z|k|c|a)?sh|python[\d.]*|perl|ruby|php\d*|node|lua)\b"
ANYBODYS: Final = ("/tmp/", "/var/tmp/", "/dev/shm/", "/dev/mqueue/", "/run/lock/", "/run/shm/")  # noqa: S108
OPEN: Final = "runs a program from a folder that anybody can write into"
INTERPRETERS: Final = re.compile(
    r"(?:\S*/)?(?:(?:ba|da|z|k|c|a)?sh|python[\d.]*|perl|ruby|php[\d.]*|node|lua|source|\.)$"
)
BEFORE: Final = re.compile(
    r"(?:\S*/)?(?:sudo|env|nohup|setsid|exec|nice|ionice|timeout|time|command|then|do|else|if|while|!|start-stop-daemon"
    r"|flock|chronic|systemd-cat|systemd-run|stdbuf|unshare)$"
)
SEPARATORS: Final = re.compile(r"&&|\|\||[;|&()`{}\n]|\$\(")
LONGEST: Final = 4096
"""Characters of a command; the paths of a Java program come to half of that."""
HOMES: Final = re.compile(r"/(?:home|root|var/lib)/")
ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=\S*$")
SIGNS: Final[Mapping[str, tuple[str, ...]]] = {
    "fetches something and runs it unseen": (
        rf"\b(?:curl|wget|fetch|lwp-request)\b[^;\n]*\|\s*(?:sudo\s+)?(?:env\s+)?{SHELL}",
        rf"{SHELL}\s+(?:-\S+\s+)*(?:<\(|[\"']?\$\()\s*(?:curl|wget)\b",
    ),
    "fetches a program and makes it executable": (
        r"\b(?:curl|wget)\b.*(?:&&|;)\s*chmod\s+(?:\S*\+\S*x|[0-7]*[1357][0-7]*)\b",
    ),
    "opens a connection from a command": (
        r"/dev/(?:tcp|udp)/",
        r"\bperl\s+-\w*e\b.*\bsocket\b",
        r"\bphp\s+-r\b.*\bfsockopen\b",
    ),
    "hands a shell to whoever connects": (
        r"\b(?:nc|ncat|netcat|nc\.\w+)\b.*\s-\w*[ec]\s*\S*sh\b",
        r"\bsocat\b.*\bexec:",
        r"\bmkfifo\b.*\b(?:nc|ncat|netcat|telnet|openssl)\b",
    ),
    "runs what it has hidden or fetched": (
        rf"\b(?:base64|base32)\s+(?:-d|--decode|-D)\b[^;\n]*\|\s*(?:\w+\s+)*{SHELL}",
        r"\bxxd\s+-r\b[^;\n]*\|\s*\S*sh\b",
        r"\beval\b.*\b(?:base64|xxd|curl|wget|gunzip)\b",
        r"(?:exec|eval)\s*\(.*(?:b64decode|urlopen|unhexlify|zlib\.decompress)",
        r"\bpython[\d.]*\s+-c\b.*(?:socket|b64decode|pty\.spawn|urlopen|exec\()",
        r"^import\b.*\b(?:socket\.|urlopen|os\.system\(|subprocess\.)",
    ),
    "makes a program run as its owner": (r"\bchmod\s+(?:\S*\+s|[46]\d{3})\b",),
    "lets somebody in, again and again": (
        r">>\s*\S*(?:authorized_keys|/etc/(?:passwd|shadow|sudoers|ld\.so\.preload))",
    ),
    "has a service write where something is run, or lets in": (r"^dir\s+\S*(?:/cron|/\.ssh\b)",),
    "puts a library into every program": (r"^\s*(?:export\s+)?LD_(?:PRELOAD|AUDIT)=\s*[\"']?/",),
    "stands between a person and their password": (
        r"^\s*(?:alias\s+(?:sudo|su|ssh|passwd)=|(?:function\s+)?(?:sudo|su|ssh|passwd)\s*\(\))",
    ),
    "digs for somebody else's coins": (r"\b(?:xmrig|minerd|cpuminer|kinsing|kdevtmpfsi|stratum\+tcp)\b",),
    "keeps no history of what is typed": (r"\b(?:HISTFILE=/dev/null|unset\s+HISTFILE)\b",),
    "hides what it uses": (r"(?:/dev/shm|/tmp)/\.\S",),
    OPEN: (r"\bcd\s+(?:/tmp|/var/tmp|/dev/shm)\b[^\n]*(?:&&|;)\s*(?:\w*sh\s+)?\./",),
}
COMPILED: Final = {why: re.compile("|".join(patterns), re.IGNORECASE) for why, patterns in SIGNS.items()}


def reason(command: str) -> str | None:
    """Why a command is one to look at; None for what says nothing.

    What is longer than people write is not read, and told: it would also hold up who reads it.
    """
    if len(command) > LONGEST:
        return f"hides what it does in a line of {len(command)} characters"
    for why, pattern in COMPILED.items():
        if pattern.search(command):
            return why
    for program in programs(command):
        if program.startswith(ANYBODYS):
            return OPEN
        if _hidden(program):
            return "runs a program that is hidden"
    return None


def _hidden(program: str) -> bool:
    """A name that begins with a dot, outside homes, where programs of a person's own lie in such folders."""
    return program.startswith("/") and "/." in program and not HOMES.match(program)


def programs(command: str) -> Iterator[str]:
    """What stands where a program stands, and the script that an interpreter is given; quotes taken away."""
    for part in SEPARATORS.split(command):
        words = [word.strip("\"'") for word in part.split()]
        while words and (ASSIGNMENT.match(words[0]) or BEFORE.match(words[0]) or words[0].startswith("-")):
            words.pop(0)
        if words and words[0]:
            yield words[0]
            if INTERPRETERS.match(words[0]):
                yield from next(([word] for word in words[1:] if not word.startswith("-")), [])
