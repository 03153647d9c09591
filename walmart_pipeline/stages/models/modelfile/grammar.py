"""The grammar of Ollama's Modelfile: a text parsed as Ollama's own parser does.

Source: parser/parser.go of Ollama v0.33, whose known answers are among this module's tests. Line numbers are our own:
Ollama counts CR LF twice and names the line after a command that stands alone.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from walmart_pipeline.stages.models.modelfile.characters import surviving
from walmart_pipeline.stages.models.modelfile.parameters import KINDS, Value, typed

BLANK = " \t"
TRIPLE = '"""'
ROLES = ("system", "user", "assistant")
# Commands that take one text, of which the last wins, and that we carry without using them.
OTHER = ("requires", "renderer", "parser", "draft")
COMMANDS = frozenset(("from", "license", "template", "system", "adapter", "parameter", "message", *OTHER))

LINE_END = re.compile(r"(\r\n|\r|\n)")
FIRST_WORD = re.compile(rf"[^{BLANK}]+")
PARAMETER_HEAD = re.compile(rf"([A-Za-z0-9_]*)[{BLANK}]")
MESSAGE_HEAD = re.compile(rf"([A-Za-z]*)[{BLANK}]")


class ModelfileError(ValueError):
    """A Modelfile that cannot be read, or a text that cannot be written to one. `line` is 0 if it is the whole."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line
        self.message = message


@dataclass
class Modelfile:
    """A parsed Modelfile. A command that was not given is None or empty; an empty text was given as such."""

    from_: str
    # As POST /api/create takes them: the last of a repeated one, all of a repeated `stop` as a list. A literal that
    # does not fit the parameter's type, and that of an unknown parameter, stays the text it was.
    parameters: dict[str, Value] = field(default_factory=dict)
    template: str | None = None
    system: str | None = None
    adapter: str | None = None
    license: list[str] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)
    other: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """One command. `key`: a parameter's name or a message's role. `quote`: what opened the value, if anything."""

    first_line: int
    last_line: int
    name: str
    key: str
    quote: str
    value: str


def parse(data: bytes | str) -> Modelfile:
    """Read a Modelfile: UTF-8, or UTF-16 with a byte order mark; bytes that are neither become U+FFFD.

    Raises ModelfileError with the line of the first mistake. As with Ollama, parameters are not judged here: see check.
    """
    modelfile = Modelfile(from_="")
    has_from = False
    for command in scan(decode(data)):
        if isinstance(command, ModelfileError):
            raise command
        if command.name == "parameter":
            _set_parameter(modelfile.parameters, command.key, command.value)
        elif command.name == "message":
            modelfile.messages.append((command.key, command.value))
        elif command.name == "license":
            modelfile.license.append(command.value)
        elif command.name in OTHER:
            modelfile.other[command.name] = command.value
        elif command.name == "from":
            modelfile.from_ = command.value
            has_from = True
        else:  # template, system and adapter are fields of the same name
            setattr(modelfile, command.name, command.value)
    if not has_from:
        raise ModelfileError(0, "no FROM line")
    return modelfile


def decode(data: bytes | str) -> str:
    """The text of a Modelfile, without its byte order mark."""
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def scan(text: str) -> Iterator[Command | ModelfileError]:
    """Every command, in order, and in its place every mistake (yielded, not raised).

    After a mistake the scan goes on with the next line, and after a value that is never closed with the next line
    that begins as a command does.
    """
    pieces = LINE_END.split(text)
    lines, ends = pieces[::2], pieces[1::2]
    at = 0
    while at < len(lines):
        start = lines[at].lstrip(BLANK)
        if not start or start.startswith("#"):
            at += 1
            continue
        try:
            name, key, opening = _head(start, at + 1)
        except ModelfileError as mistake:
            yield mistake
            at += 1
            continue
        opening = surviving(opening).lstrip(BLANK)
        quote = TRIPLE if opening.startswith(TRIPLE) else '"' if opening.startswith('"') else ""
        last = _last_line(opening, quote, lines, at)
        if last is None:
            yield ModelfileError(
                at + 1, f"unexpected EOF: the {quote} that opens this {name.upper()} is closed at the end of no line"
            )
            at = next((i for i in range(at + 1, len(lines)) if _begins_as_command(lines[i])), len(lines))
            continue
        further = (ends[i] + surviving(lines[i + 1]) for i in range(at, last))
        value = (opening + "".join(further)).strip(f"{BLANK}\r\n")
        yield Command(at + 1, last + 1, name, key, quote, value[len(quote) : len(value) - len(quote)])
        at = last + 1


def _head(start: str, line: int) -> tuple[str, str, str]:
    """Command, parameter name or message role, and the rest of a command's first line."""
    word, rest = _first_word(start)
    name = _command_name(word)
    if name not in COMMANDS:
        known = ", ".join(sorted(COMMANDS)).upper()
        raise ModelfileError(line, f"unknown command {word!r}; a line begins with one of {known}")
    if not rest:
        raise ModelfileError(line, f"unexpected EOF: {name.upper()} has no value")
    # Exactly one blank divides; what follows a second one is no longer the parameter's name or the role.
    rest = rest[1:]
    if name not in ("parameter", "message"):
        return name, "", rest
    key = (PARAMETER_HEAD if name == "parameter" else MESSAGE_HEAD).match(rest)
    if key is None:
        what = "a name of letters, digits and _" if name == "parameter" else "a role"
        raise ModelfileError(line, f"unexpected EOF: {name.upper()} takes {what}, a space and a value")
    if name == "message" and key[1] not in ROLES:
        raise ModelfileError(line, f"message role must be one of system, user and assistant, not {key[1]!r}")
    return name, key[1], rest[key.end() :]


def _first_word(start: str) -> tuple[str, str]:
    word = FIRST_WORD.match(start)
    end = word.end() if word else 0
    return start[:end], start[end:]


def _command_name(word: str) -> str:
    """The command that a word names. Ollama drops the first character where it cannot print it."""
    name = surviving(word[:1]) + word[1:]
    return name.lower() if name.isascii() else name


def _begins_as_command(line: str) -> bool:
    word, rest = _first_word(line.lstrip(BLANK))
    return bool(rest) and _command_name(word) in COMMANDS


def _last_line(opening: str, quote: str, lines: list[str], at: int) -> int | None:
    """Index of the line that ends the value opened in line `at`; None if none does.

    A value ends with the first line whose end, blanks aside, is what opened it: without a quote, with its own line.
    """
    first = opening.rstrip(BLANK)
    if first.endswith(quote) and len(first) >= 2 * len(quote):
        return at
    return next(
        (i for i in range(at + 1, len(lines)) if surviving(lines[i]).rstrip(BLANK).endswith(quote)),
        None,
    )


def _set_parameter(parameters: dict[str, Value], name: str, literal: str) -> None:
    stored = parameters.get(name)
    if KINDS.get(name) != "list":
        parameters[name] = typed(name, literal)
    elif isinstance(stored, list):
        stored.append(literal)
    else:
        parameters[name] = [literal]
