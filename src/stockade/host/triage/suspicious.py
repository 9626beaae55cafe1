"""What makes a command one that an honest file seldom holds: it fetches and runs, hides, or opens a way in.

Only what stands where a command stands counts: that a line mentions /tmp says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

SHELL: Final = r"(?:\S*/)?(?:(?:ba|da|z|k|c|a)?sh|python[\d.]*|perl|ruby|php\d*|node|lua)\b"
ANYBODYS: Final = ("/tmp/", "/var/tmp/", "/dev/shm/", "/dev/mqueue/", "/run/lock/", "/run/shm/")  # noqa: S108
INTERPRETERS: Final = re.compile(r"(?:\S*/)?(?:(?:ba|da|z|k|c|a)?sh|python[\d.]*|perl|ruby|php[\d.]*|node|lua|source|\.)$")
BEFORE: Final = re.compile(
    r"(?:\S*/)?(?:sudo|env|nohup|setsid|exec|nice|ionice|timeout|time|command|then|do|else|if|while|!|start-stop-daemon"
    r"|flock|chronic|systemd-cat|systemd-run|stdbuf|unshare)$"
)
SEPARATORS: Final = re.compile(r"&&|\|\||[;|&()`{}\n]|\$\(")
ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=\S*$")
SIGNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), why)
    for pattern, why in (
        (rf"\b(?:curl|wget|fetch|lwp-request)\b[^;\n]*\|\s*(?:sudo\s+)?(?:env\s+)?{SHELL}", "fetches something and runs it unseen"),
        (rf"{SHELL}\s+(?:-\S+\s+)*(?:<\(|[\"']?\$\()\s*(?:curl|wget)\b", "fetches something and runs it unseen"),
        (r"\b(?:curl|wget)\b.*(?:&&|;)\s*chmod\s+(?:\S*\+\S*x|[0-7]*[1357][0-7]*)\b", "fetches a program and makes it executable"),
        (r"/dev/(?:tcp|udp)/", "opens a connection from a shell"),
        (r"\b(?:nc|ncat|netcat|nc\.\w+)\b.*\s-\w*[ec]\s*\S*sh\b", "hands a shell to whoever connects"),
        (r"\bsocat\b.*\bexec:", "hands a program to whoever connects"),
        (r"\bmkfifo\b.*\b(?:nc|ncat|netcat|telnet|openssl)\b", "hands a shell to whoever connects"),
        (rf"\b(?:base64|base32)\s+(?:-d|--decode|-D)\b[^;\n]*\|\s*(?:\w+\s+)*{SHELL}", "runs what it has hidden in Base64"),
        (r"\bxxd\s+-r\b[^;\n]*\|\s*\S*sh\b", "runs what it has hidden in numbers"),
        (r"\beval\b.*\b(?:base64|xxd|curl|wget|gunzip)\b", "runs what it has hidden or fetched"),
        (r"\bpython[\d.]*\s+-c\b.*(?:socket|b64decode|pty\.spawn|urlopen|exec\()", "is a program hidden in a command"),
        (r"\bperl\s+-\w*e\b.*\bsocket\b", "opens a connection from a command"),
        (r"\bphp\s+-r\b.*\bfsockopen\b", "opens a connection from a command"),
        (r"(?:exec|eval)\s*\(.*(?:b64decode|urlopen|unhexlify|zlib\.decompress)", "runs what it has hidden or fetched"),
        (r"^import\b.*\b(?:socket\.|urlopen|os\.system\(|subprocess\.)", "does more than find modules whenever Python starts"),
        (r"\bchmod\s+(?:\S*\+s|[46]\d{3})\b", "makes a program run as its owner"),
        (r">>\s*\S*(?:authorized_keys|/etc/(?:passwd|shadow|sudoers|ld\.so\.preload))", "lets somebody in, again and again"),
        (r"^\s*(?:export\s+)?LD_(?:PRELOAD|AUDIT)=\s*[\"']?/", "puts a library into every program"),
        (r"^\s*(?:alias\s+(?:sudo|su|ssh|passwd)=|(?:function\s+)?(?:sudo|su|ssh|passwd)\s*\(\))", "stands between a person and their password"),
        (r"\b(?:xmrig|minerd|cpuminer|kinsing|kdevtmpfsi|stratum\+tcp)\b", "digs for somebody else's coins"),
        (r"\b(?:/dev/shm|/tmp)/\.\S", "hides what it uses"),
        (r"\b(?:history\s+-c|HISTFILE=/dev/null|unset\s+HISTFILE)\b", "keeps no history of what is typed"),
    )
)  # fmt: skip


def reason(command: str) -> str | None:
    """Why a command is one to look at; None for what says nothing."""
    for pattern, why in SIGNS:
        if pattern.search(command):
            return why
    for program in programs(command):
        if program.startswith(ANYBODYS):
            return "runs a program from a folder that anybody can write into"
        if _hidden(program):
            return "runs a program that is hidden"
    return None


def _hidden(program: str) -> bool:
    """A name that begins with a dot, outside homes, where programs of a person's own lie in such folders."""
    return program.startswith("/") and "/." in program and not program.startswith(("/home/", "/root/", "/var/lib/"))


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
