"""The lines of a security.txt become fields: the grammar of RFC 9116 section 4, and nothing about their meaning."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field

from stockade.gateway.securitytxt import openpgp
from stockade.gateway.securitytxt.problem import Problem, error, quoted


@dataclass(frozen=True, slots=True)
class Field:
    """One ``Name: value`` line; the name in lower case, because names are compared so (RFC 9116 section 2.3)."""

    line: int
    name: str
    value: str


@dataclass(slots=True)
class Reading:
    """What a file says, and what is wrong with the way it says it."""

    signed: bool = False
    fields: list[Field] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def named(self, name: str) -> list[Field]:
        """Every field of this (lower-case) name, in the order of the file."""
        return [entry for entry in self.fields if entry.name == name]

    def values(self, name: str) -> list[str]:
        """The values of every field of this (lower-case) name."""
        return [entry.value for entry in self.named(name)]


def read(content: bytes | str) -> Reading:
    """Read a whole file; never raises, whatever it holds."""
    reading = Reading()
    text = _decode(content, reading.problems)
    lines = [line.rstrip() for line in text.split("\n")]
    reading.signed = openpgp.BEGIN_MESSAGE in lines
    if reading.signed:
        reading.problems += openpgp.check(lines)
    for number, line in _inner_lines(lines, reading):
        _read_line(number, line, reading)
    _check_last_line(lines, reading)
    return reading


def _decode(content: bytes | str, problems: list[Problem]) -> str:
    """UTF-8 in Net-Unicode form, so without a byte order mark (RFC 9116 section 3, RFC 5198)."""
    octets = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if octets.startswith(codecs.BOM_UTF8):
        octets = octets[len(codecs.BOM_UTF8) :]
        problems.append(
            error(1, "bom_in_file", "The file starts with a byte order mark.", "Save it as UTF-8 without BOM.")
        )
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        problems.append(error(None, "utf8", "The file is not UTF-8.", "Save it in the encoding UTF-8."))
        return octets.decode("utf-8", "replace")


def _inner_lines(lines: list[str], reading: Reading) -> Iterator[tuple[int, str]]:
    """The lines that carry fields: without the signature's own, and with dash-escapes undone (RFC 9580 section 7.2)."""
    in_signature = False
    for number, line in enumerate(lines, 1):
        if in_signature and line == openpgp.END_SIGNATURE:
            reading.problems += _nothing_after(number, lines)
            return
        if reading.signed and line == openpgp.BEGIN_SIGNATURE:
            in_signature = True
        elif not in_signature and line != openpgp.BEGIN_MESSAGE:
            yield number, line.removeprefix("- ") if reading.signed else line


def _nothing_after(end: int, lines: list[str]) -> Iterator[Problem]:
    first = next((number for number, line in enumerate(lines[end:], end + 1) if line), None)
    if first:
        yield error(first, "data_after_sig", "There is text after the signature.", "Move it above, and sign again.")


def _read_line(number: int, line: str, reading: Reading) -> None:
    if not line or line.startswith("#"):
        return
    name, colon, value = line.partition(":")
    if not colon:
        reading.problems.append(
            error(number, "invalid_line", f"{quoted(line)} is not a field.", "Write ‘Name: value’, or ‘# comment’."),
        )
        return
    if name.lower().strip() == "hash" and reading.signed:
        return
    _read_field(number, name.lower(), value, reading)


def _read_field(number: int, name: str, value: str, reading: Reading) -> None:
    wrong = reading.problems.append
    if name != name.rstrip():
        wrong(error(number, "prec_ws", "There is a space before the colon.", "Remove it."))
        name = name.rstrip()
    if value and not value.startswith(" "):
        wrong(error(number, "no_space", "There is no space after the colon.", "Put one there."))
    value = value.lstrip()
    if not name:
        wrong(
            error(number, "empty_key", "The line has no name before its colon.", "Name the field, or remove the line.")
        )
    elif not value:
        wrong(error(number, "empty_value", f"{quoted(name)} has no value.", "Give it one, or remove the line."))
    else:
        reading.fields.append(Field(number, name, value))


def _check_last_line(lines: list[str], reading: Reading) -> None:
    """Every line ends with LF or CRLF, the last one too (RFC 9116 section 2.2)."""
    if lines[-1]:
        reading.problems.append(
            error(len(lines), "no_line_separators", "The last line has no line end.", "End the file with a new line."),
        )
    elif reading.signed and len(lines) > 1 and not lines[-2]:
        reading.problems.append(
            error(
                len(lines),
                "too_many_line_separators",
                "A signed file ends in an empty line.",
                "End it right after the signature's last line.",
            ),
        )
