"""Artifacts written for UAC (Unix-like Artifacts Collector) are read as ours, as far as they are about Linux.

Their files look like YAML and are read line by line, as UAC itself does: text in triple quotes and a condition that
begins with ``!`` are no YAML. What would change the machine (``modifier``) is not taken. Of its collectors, ``file``
takes octets, ``hash`` SHA-256, ``stat`` and ``find`` what the file system says, ``command`` what a line of the shell
prints. Schema: https://tclahr.github.io/uac-docs/artifacts/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from stockade.errors import ConfigurationError
from stockade.host.evidence.artifact import KINDS, Artifact, Choice, Limits, Order, Take

SYSTEMS: Final = frozenset({"linux", "all"})
KNOWN: Final = frozenset(
    [
        *("artifacts", "collector", "command", "condition", "description", "exclude_file_system"),
        *("exclude_name_pattern", "exclude_path_pattern", "file_type", "foreach", "max_depth", "max_file_size"),
        *("min_file_size", "modifier", "name_pattern", "no_group", "no_user", "path", "path_pattern", "permissions"),
        *("redirect_stderr_to_stdout", "supported_os", "version"),
    ]
)
"""Fields that count here."""
PASSED_OVER: Final = frozenset(
    [
        *("compress_output_file", "exclude_nologin_users", "ignore_date_range", "is_file_list", "output_directory"),
        "output_file",
    ]
)
"""Fields that say what UAC does with what it has taken, or narrow it down."""
_TAKES: Final = {"file": Take.OCTETS, "hash": Take.HASHES, "stat": Take.STAT, "find": Take.STAT}
_TURNS: Final = (
    ("process", Order.PROCESSES), ("network", Order.SOCKETS), ("kernel", Order.KERNEL), ("modules", Order.KERNEL),
    ("memory", Order.KERNEL), ("shm", Order.TMPFS), ("tmp", Order.TMPFS), ("user", Order.USERS), ("who", Order.USERS),
    ("cron", Order.PERSISTENCE), ("systemd", Order.PERSISTENCE), ("ssh", Order.PERSISTENCE), ("hash", Order.INTEGRITY),
    ("bodyfile", Order.INTEGRITY), ("suid", Order.INTEGRITY), ("log", Order.LOGS), ("package", Order.PACKAGES),
)  # fmt: skip
"""By what its place and name say: when it is taken. What says nothing is configuration, which is taken last."""
_EXISTS: Final = 'command_exists() { command -v "$1" >/dev/null 2>&1; }\n'
"""What their conditions may call."""
_HOME: Final = re.compile(r"^/?%user_home%")
_QUOTES: Final = '"""'
Fields = dict[str, str]


def uac_artifacts(name: str, text: str) -> list[Artifact]:
    """Those of a file. Raises ConfigurationError that names the line which cannot be followed."""
    heading, found = _read(name, text)
    if not heading.get("version"):
        raise _wrong(name, "it has no version")
    if heading.get("modifier") == "true":
        raise _wrong(name, "it is a modifier: it would change the machine whose evidence is taken")
    made = []
    for number, fields in enumerate(found, 1):
        called = f"uac/{re.sub(r'[^a-z0-9.-]+', '-', name.lower()).strip('-')}/{number}"
        if SYSTEMS & set(_list(called, fields, "supported_os")):
            made.append(_artifact(called, heading, fields))
    return made


def _read(name: str, text: str) -> tuple[Fields, list[Fields]]:
    """The fields above ``artifacts:``, and those of each artifact."""
    heading: Fields = {}
    found: list[Fields] = []
    for number, key, value in _lines(name, text):
        if key == "-":
            found.append({})
            continue
        into = found[-1] if found else heading
        if key not in KNOWN | PASSED_OVER:
            raise _wrong(name, f"line {number} says {key!r}, which UAC does not know")
        if key in into:
            raise _wrong(name, f"line {number} says {key} again")
        if key != "artifacts":
            into[key] = value
    if not found:
        raise _wrong(name, "it has no artifacts")
    return heading, found


def _lines(name: str, text: str) -> Iterator[tuple[int, str, str]]:
    """Each line's number, field and value; a dash is a field of its own."""
    rest = iter(enumerate(text.splitlines(), 1))
    for number, raw in rest:
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if line.startswith("- ") or line == "-":
            yield number, "-", ""
            line = line[1:].strip()
        if not line:
            continue
        key, colon, value = line.partition(":")
        if not colon:
            raise _wrong(name, f"line {number} is no field: {line[:40]!r}")
        value = value.strip()
        yield number, key.strip(), "\n".join(_quoted(name, number, rest)) if value == _QUOTES else _bare(value)


def _quoted(name: str, begun: int, rest: Iterator[tuple[int, str]]) -> Iterator[str]:
    for _, raw in rest:
        if raw.strip() == _QUOTES:
            return
        yield raw.strip()
    raise _wrong(name, f"the quotes of line {begun} do not end")


def _bare(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _artifact(name: str, heading: Mapping[str, str], fields: Mapping[str, str]) -> Artifact:
    collector, what = fields.get("collector", ""), fields.get("description", "")
    if not what:
        raise _wrong(name, "it has no description")
    places = _places(name, fields)
    return Artifact(
        id=name,
        order=_turn(f"{name} {heading.get('output_directory', '')} {fields.get('output_directory', '')}"),
        what=what,
        why="It is asked for by an artifact that was written for UAC.",
        files=places if collector in _TAKES else (),
        command=_command(name, fields) if collector == "command" else (),
        take=_TAKES.get(collector, Take.OCTETS),
        choice=_choice(name, fields),
        limits=Limits(),
        condition=_both(heading.get("condition", ""), fields.get("condition", "")),
        each_line=fields.get("foreach", ""),
    )


def _both(*conditions: str) -> str:
    """A line of the shell that succeeds when all of them hold; ``!`` is the shell's own."""
    given = [f"{{ {each}\n}}" for each in conditions if each]
    return _EXISTS + " && ".join(given) if given else ""


def _places(name: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    """The path itself and all below it, as find(1) has it; ``%user_home%`` is every home."""
    collector = fields.get("collector")
    if collector == "command":
        return ()
    if collector not in _TAKES:
        raise _wrong(name, f"there is no collector {collector!r}")
    path = fields.get("path", "")
    if not path.startswith("/") or "%user%" in path:
        raise _wrong(name, f"its path is {path!r}, and should begin with /")
    if fields.get("is_file_list") == "true":
        raise _wrong(name, "it reads its paths from a list made by another artifact, which is not done here")
    ours = _HOME.sub("~", path).replace("%mount_point%", "").rstrip("/") or ""
    return (ours, f"{ours}/**") if ours not in {"", "~"} else (f"{ours}/**",)


def _command(name: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    line = fields.get("command", "")
    if not line:
        raise _wrong(name, "it has no command")
    if found := re.search(r"%(?!line%)\w+%", line):
        raise _wrong(name, f"its command holds {found[0]}, which is not known here")
    merged = " 2>&1" if fields.get("redirect_stderr_to_stdout") == "true" else ""
    return ("sh", "-c", f"{_EXISTS}{{ {line}\n}}{merged}")


def _choice(name: str, fields: Mapping[str, str]) -> Choice:
    kinds = frozenset(_list(name, fields, "file_type"))
    if kinds - KINDS:
        raise _wrong(name, f"there is no file_type {min(kinds - KINDS)!r}")
    return Choice(
        within=_list(name, fields, "path_pattern"),
        names=_list(name, fields, "name_pattern"),
        leave=_list(name, fields, "exclude_path_pattern"),
        leave_names=_list(name, fields, "exclude_name_pattern"),
        leave_types=frozenset(_list(name, fields, "exclude_file_system")),
        kinds=kinds,
        modes=tuple(_number(name, each.lstrip("-"), 8) for each in _list(name, fields, "permissions")),
        depth=_given(name, fields, "max_depth"),
        smallest=_given(name, fields, "min_file_size"),
        largest=_given(name, fields, "max_file_size"),
        unowned="true" in {fields.get("no_user"), fields.get("no_group")},
    )


def _list(name: str, fields: Mapping[str, str], key: str) -> tuple[str, ...]:
    written = fields.get(key, "")
    if written and not (written.startswith("[") and written.endswith("]")):
        raise _wrong(name, f"{key} should be a list in brackets")
    return tuple(each.strip().strip("\"'") for each in written[1:-1].split(",") if each.strip())


def _given(name: str, fields: Mapping[str, str], key: str) -> int | None:
    return _number(name, fields[key], 10) if key in fields else None


def _number(name: str, written: str, base: int) -> int:
    try:
        return int(written, base)
    except ValueError:
        raise _wrong(name, f"{written!r} is no number") from None


def _turn(place: str) -> Order:
    return next((turn for word, turn in _TURNS if word in place.lower()), Order.CONFIGURATION)


def _wrong(name: str, said: str) -> ConfigurationError:
    return ConfigurationError(f"the UAC artifact {name}: {said}", remedy="Mend the file, or leave it out.")
